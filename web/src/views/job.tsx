// One job: its curve as it grows, where it stands, what happened, what it was asked to do.

import { useState } from "preact/hooks";
import { JobActions } from "../actions";
import { Chart, type Line } from "../chart";
import * as format from "../format";
import {
  Choice, DatasetLink, jobDataset, Json, Missing, Name, Notice, Panel, ProgressBar, State, Tile,
} from "../parts";
import { jobIsFinal, useCurve, useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import { FINAL, type Best, type Job, type JobEvent, type Model, type Point } from "../types";
import { progressWords } from "./jobs";
import { MetricsTable } from "./model";

export function JobView({ id, route }: { id: string; route: Route }) {
  const { data: job, error } = useResource<Job>(`/jobs/${encodeURIComponent(id)}`, jobIsFinal);
  if (!job) return <Missing error={error} what={`job ${id}`} />;
  return <JobPage key={job.id} job={job} route={route} gone={error?.status === 404} />;
}

// ["validation_loss", 0.13]: what made the best epoch the best, and its value there.
function bestOf(best: Best): [string, number | null | undefined] {
  const { epoch: _, ...of } = best;
  return Object.entries(of)[0] ?? ["loss", null];
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
      {refusal ? (
        <Notice kind="error" onClose={() => setRefusal(null)}>
          {refusal}
        </Notice>
      ) : null}
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
      {job.kind === undefined || job.kind === "train" ? <CurvePanel job={job} route={route} /> : null}
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
          label={capital(format.metricName(name))}
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

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function has(points: Point[], of: (p: Point) => unknown): boolean {
  return points.some((p) => typeof of(p) === "number");
}

function CurvePanel({ job, route }: { job: Job; route: Route }) {
  const { points, loaded, error } = useCurve(job);
  const log = route.query.get("scale") === "log";
  const names = new Set<string>();
  for (const p of points) for (const name of Object.keys(p.metrics ?? {})) names.add(name);
  const shown = [...names].filter((name) => has(points, (p) => p.metrics?.[name]));
  const wanted = route.query.get("y") ?? "loss";
  const what = shown.includes(wanted) ? wanted : "loss";
  const validated = has(points, (p) => p.validation_loss);
  const lines: Line[] = [];
  if (what === "loss") {
    lines.push({ key: "t", label: "training", color: "training", of: (p) => p.training_loss });
    if (validated)
      lines.push({ key: "v", label: "validation", color: "validation", of: (p) => p.validation_loss });
  } else {
    lines.push({
      key: `m ${what}`,
      label: format.metricName(what),
      color: validated ? "validation" : "training",
      of: (p) => p.metrics?.[what],
    });
  }
  const options: [string, string][] = [
    ["loss", "loss"],
    ...shown.map((name): [string, string] => [name, format.metricName(name)]),
  ];
  const controls = (
    <div class="controls">
      {options.length > 1 ? (
        <Choice
          label="What to draw"
          value={what}
          options={options}
          onChange={(value) => setQuery({ y: value === "loss" ? null : value })}
        />
      ) : null}
      <Choice
        label="Scale"
        value={log ? "log" : "linear"}
        options={[
          ["linear", "linear"],
          ["log", "log"],
        ]}
        onChange={(value) => setQuery({ scale: value === "log" ? "log" : null })}
      />
    </div>
  );
  const title = what === "loss" ? "Loss" : capital(format.metricName(what));
  return (
    <Panel title={`${title} by epoch`} aside={controls} class="curve">
      {points.length > 0 ? (
        <Chart
          points={points}
          lines={lines}
          log={log}
          bestEpoch={job.best?.epoch ?? null}
          name={title}
          show={(x) => (what === "loss" ? format.loss(x) : format.metric(what, x))}
        />
      ) : (
        <p class="quiet chart-empty">
          {error
            ? error.message
            : !loaded
              ? "Loading the curve…"
              : FINAL.has(job.state)
                ? "No epoch was finished."
                : "The first point comes with the first finished epoch."}
        </p>
      )}
    </Panel>
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

function Configs({ job, route }: { job: Job; route: Route }) {
  if (!job.config && !job.resolved) return null;
  const which = route.query.get("config") === "resolved" ? "resolved" : "given";
  return (
    <Panel
      title="Configuration"
      aside={
        <Choice
          label="Configuration"
          value={which}
          options={[
            ["given", "as given"],
            ["resolved", "resolved"],
          ]}
          onChange={(value) => setQuery({ config: value === "resolved" ? value : null })}
        />
      }
    >
      <Json value={which === "resolved" ? job.resolved : job.config} />
      {which === "resolved" ? (
        <p class="quiet">With every default filled in. Posted again, it trains the same model.</p>
      ) : null}
    </Panel>
  );
}
