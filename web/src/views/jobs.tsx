// All jobs, newest first.

import { useState } from "preact/hooks";
import { JobActions } from "../actions";
import * as format from "../format";
import { postEmpty } from "../api";
import {
  Action, Age, Command, DatasetLink, jobDataset, Missing, Name, Notice, ProgressBar, State,
} from "../parts";
import { refresh, useResource } from "../poll";
import { setQuery, type Route } from "../route";
import type { Job, Service } from "../types";

const PAGE = 50;
const MOST = 500;

interface JobList {
  jobs?: Job[];
  next_page_token?: string | null;
}

export function JobsView({ route }: { route: Route }) {
  const limit = Math.min(MOST, Math.max(PAGE, Number(route.query.get("limit")) || PAGE));
  const { data, error } = useResource<JobList>(`/jobs?limit=${limit}`);
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!data) return <Missing error={error} what="jobs" />;
  const jobs = data.jobs ?? [];
  if (jobs.length === 0) return <Welcome />;
  const withDataset = jobs.some((job) => jobDataset(job) !== null);
  return (
    <>
      <h1>Jobs</h1>
      <QueuePaused onError={setRefusal} />
      {refusal ? (
        <Notice kind="error" onClose={() => setRefusal(null)}>
          {refusal}
        </Notice>
      ) : null}
      <table class="list jobs">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">State</th>
            <th scope="col">Progress</th>
            <th scope="col" class="num">
              Training loss
            </th>
            <th scope="col" class="num">
              Validation loss
            </th>
            {withDataset ? <th scope="col">Dataset</th> : null}
            <th scope="col">Created</th>
            <th scope="col">
              <span class="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} withDataset={withDataset} onError={setRefusal} />
          ))}
        </tbody>
      </table>
      {data.next_page_token && limit < MOST ? (
        <p class="more">
          <button type="button" onClick={() => setQuery({ limit: String(limit * 2) })}>
            Show older jobs
          </button>
        </p>
      ) : null}
    </>
  );
}

// Nothing starts while the queue is paused: say so where people wait for it.
function QueuePaused({ onError }: { onError: (detail: string) => void }) {
  const { data } = useResource<Service>("/service");
  if (!data?.queue?.is_paused) return null;
  return (
    <Notice kind="warning" title="The queue is paused.">
      <p>
        Running jobs go on, waiting ones do not start.{" "}
        <Action
          label="Resume the queue"
          about="the queue"
          onError={onError}
          run={async () => {
            await postEmpty("/queue/resume");
            refresh();
          }}
        />
      </p>
    </Notice>
  );
}

function JobRow(props: { job: Job; withDataset: boolean; onError: (detail: string) => void }) {
  const { job, onError } = props;
  return (
    <tr data-job={job.id} data-state={job.state}>
      <td class="cell-main">
        <a class="row-link" href={`#/jobs/${job.id}`}>
          <span class="id">{job.id}</span> <Name name={job.name} />
        </a>
      </td>
      <td data-label="State">
        <State state={job.state} />
      </td>
      <td data-label="Progress" class="cell-progress">
        <ProgressBar job={job} />
        <span class="quiet">{progressWords(job)}</span>
      </td>
      <td data-label="Training loss" class="num">
        {format.loss(job.latest?.training_loss ?? job.best?.training_loss)}
      </td>
      <td data-label="Validation loss" class="num">
        {format.loss(job.latest?.validation_loss ?? job.best?.validation_loss)}
      </td>
      {props.withDataset ? (
        <td data-label="Dataset">
          <DatasetLink of={jobDataset(job)} />
        </td>
      ) : null}
      <td data-label="Created" class="quiet nowrap">
        <Age at={job.created_at} />
      </td>
      <td class="cell-actions">
        <JobActions job={job} onError={onError} />
      </td>
    </tr>
  );
}

// Where the job is, in one short line.
export function progressWords(job: Job): string {
  const { epoch, epochs, eta_seconds: eta } = job.progress ?? {};
  const done = epoch ?? job.latest?.epoch ?? 0;
  let where = done > 0 ? `epoch ${format.number(done)}` : "";
  if (epochs) where = `epoch ${format.number(done)} of ${format.number(epochs)}`;
  switch (job.state) {
    case "queued":
      return job.queue_position ? `number ${job.queue_position} in the queue` : "waiting";
    case "running":
      if (job.cancel_requested) return `${where ? `${where}, ` : ""}stopping`;
      if (job.pause_requested) return `${where ? `${where}, ` : ""}pausing`;
      if (job.progress?.stalled) return `${where ? `${where}, ` : ""}no batch has ended for a while`;
      if (!where) return "starting";
      return eta === null || eta === undefined ? where : `${where}, ${format.duration(eta)} left`;
    case "succeeded":
      if (!where) return "";
      return epochs && done < epochs ? `${where}, stopped early` : where;
    default:
      return where;
  }
}

function Welcome() {
  const origin = window.location.origin;
  return (
    <div class="welcome">
      <h1>Nothing has been trained here yet</h1>
      <p>
        This daemon trains neural networks and answers with them. A first job takes a second:{" "}
        <a href="#/new?example=xor">write one here</a>, or send it from a terminal:
      </p>
      <Command
        text={`curl --json '{"name": "xor", "data": {"x": [[0,0],[0,1],[1,0],[1,1]], "y": [0,1,1,0]}}' \\\n  ${origin}/train`}
      />
      <p>
        With data of your own, <a href="#/datasets">upload a CSV file</a> with a header row, then name the column
        to learn. Everything else has a default:
      </p>
      <Command
        text={
          `curl -H 'Content-Type: text/csv' --data-binary @iris.csv '${origin}/datasets?name=iris'\n` +
          `curl --json '{"data": {"dataset": "iris", "target": "species"}}' ${origin}/train`
        }
      />
      <p class="quiet">This page fills itself as soon as a job is there.</p>
    </div>
  );
}
