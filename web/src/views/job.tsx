// One job: its curve as it grows, where it stands, what happened, what it was asked to do.

import { useState } from "preact/hooks";
import { JobActions, Refused } from "../actions";
import * as format from "../format";
import {
  Choice, Command, DatasetLink, jobDataset, Json, Missing, Name, Notice, Panel, ProgressBar, State, Tile,
} from "../parts";
import { jobIsFinal, useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import { FINAL, type Best, type Job, type JobEvent, type Model } from "../types";
import { CurvePanel } from "./curve";
import { bestOf, progressWords } from "./jobrow";
import { MetricsTable } from "./metrics";

export function JobView({ id, route }: { id: string; route: Route }) {
  const { data: job, error } = useResource<Job>(`/jobs/${encodeURIComponent(id)}`, jobIsFinal);
  if (!job) return <Missing error={error} what={`job ${id}`} />;
  return <JobPage key={job.id} job={job} route={route} gone={error?.status === 404} />;
}

function bestLabel(best: Best): string {
  return `Best ${bestOf(best)[0].replace(/_/g, " ")}`;
}

function JobPage({ job, route, gone }: { job: Job; route: Route; gone: boolean }) {
  const [refusal, setRefusal] = useState<string | null>(null);
  const final = FINAL.has(job.state);
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/jobs">Jobs</a> <span aria-hidden="true">/</span> {job.id}
      </nav>
      <div class="title">
        <h1>
          <span class="id">{job.id}</span> <Name name={job.name} />
        </h1>
        <State state={job.state} />
        <div class="title-actions">
          {job.model_id ? (
            <a class="button small" href={`#/models/${job.model_id}`}>
              Model and predictions
            </a>
          ) : null}
          <a class="button small" href={`#/new?from=${job.id}`}>
            New job from this
          </a>
          {gone ? null : (
            <JobActions job={job} onError={setRefusal} onDeleted={() => go("#/jobs")} />
          )}
        </div>
      </div>
      {gone ? <Notice kind="info">This job has been deleted; this is what was last known.</Notice> : null}
      <Refused why={refusal} onClose={setRefusal} />
      {job.error ? (
        <Notice kind="error" title={`Failed: ${(job.error.code ?? "error").replace(/_/g, " ")}.`}>
          <p>{job.error.detail}</p>
        </Notice>
      ) : null}
      {(job.warnings ?? []).length > 0 ? (
        <Notice kind="warning" title="Worth knowing">
          <ul>
            {(job.warnings ?? []).map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Notice>
      ) : null}
      <div class="progress-line">
        <ProgressBar job={job} />
        <span class="quiet">{progressWords(job)}</span>
      </div>
      <Tiles job={job} />
      {job.kind === undefined || job.kind === "train" ? (
        <CurvePanel job={job} route={route} onError={setRefusal} />
      ) : null}
      {final && job.model_id && job.best ? <FinalMetrics id={job.model_id} /> : null}
      <div class="columns">
        <Events id={job.id} state={job.state} />
        <Configs job={job} route={route} />
      </div>
    </>
  );
}

function Tiles({ job }: { job: Job }) {
  const progress = job.progress ?? {};
  const latest = job.latest ?? null;
  const metrics = Object.entries(latest?.metrics ?? {}).slice(0, 3);
  const took =
    job.started_at && job.finished_at
      ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
      : null;
  return (
    <dl class="tiles">
      <Tile
        label="Epoch"
        value={format.number(progress.epoch ?? latest?.epoch ?? 0)}
        note={progress.epochs ? `of ${format.number(progress.epochs)}` : null}
      />
      <Tile label="Training loss" value={format.loss(latest?.training_loss)} />
      <Tile label="Validation loss" value={format.loss(latest?.validation_loss)} />
      {job.best?.epoch !== undefined && job.best.epoch !== null ? (
        <Tile
          label={bestLabel(job.best)}
          value={format.loss(bestOf(job.best)?.[1])}
          note={`at epoch ${format.number(job.best.epoch)}`}
        />
      ) : null}
      {metrics.map(([name, value]) => (
        <Tile
          key={name}
          label={format.capital(format.metricName(name))}
          value={format.metric(name, value)}
          note="latest"
        />
      ))}
      {job.state === "running" && progress.samples_per_second ? (
        <Tile
          label="Speed"
          value={format.number(Math.round(progress.samples_per_second))}
          note="rows a second"
        />
      ) : null}
      {took !== null ? <Tile label="Took" value={format.duration(took)} /> : null}
      {job.priority ? <Tile label="Priority" value={format.number(job.priority)} /> : null}
      <Tile label="Dataset" value={<DatasetLink of={jobDataset(job)} />} />
    </dl>
  );
}

function FinalMetrics({ id }: { id: number }) {
  const { data } = useResource<Model>(`/models/${id}`, (m) => m.state !== "training");
  if (!data?.metrics || Object.keys(data.metrics).length === 0) return null;
  return (
    <Panel title="Result" aside={<a href={`#/models/${id}`}>Model {id}</a>}>
      <MetricsTable metrics={data.metrics} />
    </Panel>
  );
}

function lastKind(events: JobEvent[]): string {
  const last = events[events.length - 1];
  return last?.kind ?? last?.event ?? last?.state ?? "";
}

function Events({ id, state }: { id: number; state: string }) {
  const { data, error } = useResource<{ events?: JobEvent[] }>(`/jobs/${id}/events`, (d) =>
    FINAL.has(state) && FINAL.has(lastKind(d.events ?? [])));
  const events = data?.events ?? [];
  return (
    <Panel title="What happened">
      {events.length === 0 ? (
        <p class="quiet">{error ? error.message : `The job is ${state}.`}</p>
      ) : (
        <ol class="events">
          {events.map((event, i) => {
            const at = event.at ?? event.created_at ?? event.time ?? null;
            const kind = event.event ?? event.state ?? event.kind ?? event.type ?? "";
            return (
              <li key={i}>
                <time dateTime={at ?? undefined}>{format.clock(at)}</time>
                <span>
                  <b>{kind.replace(/_/g, " ")}</b>
                  {event.detail || event.message ? ` ${event.detail ?? event.message}` : ""}
                </span>
              </li>
            );
          })}
        </ol>
      )}
    </Panel>
  );
}

// As a shell takes it: one word in single quotes.
function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

const FORMS: [string, string][] = [
  ["given", "as given"],
  ["resolved", "resolved"],
  ["curl", "as curl"],
];

function Configs({ job, route }: { job: Job; route: Route }) {
  if (!job.config && !job.resolved) return null;
  const which = FORMS.map(([key]) => key).find((key) => key === route.query.get("config")) ?? "given";
  return (
    <Panel
      title="Configuration"
      aside={
        <Choice
          label="Configuration"
          value={which}
          options={FORMS}
          onChange={(value) => setQuery({ config: value === "given" ? null : value })}
        />
      }
    >
      {which === "curl" ? (
        <Command text={`curl --json ${quoted(JSON.stringify(job.config))} \\\n  ${window.location.origin}/train`} />
      ) : (
        <Json value={which === "resolved" ? job.resolved : job.config} />
      )}
      {which === "resolved" ? (
        <p class="quiet">With every default filled in. Posted again, it trains the same model.</p>
      ) : null}
    </Panel>
  );
}
