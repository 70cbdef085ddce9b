// The overview: what the daemon does now, and all jobs, newest first, to sort, filter and pick from.

import { useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "../actions";
import { postEmpty } from "../api";
import * as format from "../format";
import { Action, Missing, Notice, Tile } from "../parts";
import { Pages, pageQuery } from "../pages";
import { refresh, useResource } from "../poll";
import { picks, setQuery, type Route } from "../route";
import type { Job, JobState, Service } from "../types";
import { bestOf, currentLoss, failure, JobRow, networkWords, trainingWords } from "./jobrow";
import { Welcome } from "./welcome";

const PAGE = 100;
const CHUNK = 60; // rows that are drawn at a time: the rest when the reader comes near
const STATES: JobState[] = ["running", "queued", "paused", "succeeded", "failed", "cancelled"];

interface JobList {
  jobs?: Job[];
  next_page_token?: string | null;
}

// How a column sorts, and which end of it comes first at the first press.
interface Column {
  key: string;
  title: string;
  of?: (job: Job) => number | string | null | undefined;
  down?: boolean;
  class?: string;
}

const duration = (job: Job) =>
  job.started_at ? (job.finished_at ? Date.parse(job.finished_at) : Date.now()) - Date.parse(job.started_at) : null;

const COLUMNS: Column[] = [
  { key: "name", title: "Job", of: (job) => job.name ?? null },
  { key: "state", title: "State", of: (job) => STATES.indexOf(job.state) },
  { key: "progress", title: "Progress", of: (job) => job.progress?.fraction, down: true },
  { key: "loss", title: "Loss", of: currentLoss, class: "num" },
  { key: "curve", title: "Curve" },
  { key: "network", title: "Network" },
  { key: "created", title: "Created", of: (job) => job.id, down: true },
];
// Further ways to sort, for which there is no column.
const EXTRA: Column[] = [
  { key: "best", title: "best loss", of: (job) => (job.best ? bestOf(job.best)[1] : null) },
  { key: "rate", title: "learning rate", of: (job) => job.summary?.learning_rate },
  { key: "took", title: "time taken", of: duration, down: true },
];

function sorted(jobs: Job[], by: string): Job[] {
  const down = by.startsWith("-");
  const column = [...COLUMNS, ...EXTRA].find((c) => c.key === by.replace(/^-/, ""));
  if (!column?.of) return jobs;
  const of = column.of;
  // What has no value stands at the end, whichever way the rest is turned.
  return jobs
    .map((job) => ({ job, value: of(job) ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      const order =
        typeof a.value === "string" ? a.value.localeCompare(String(b.value)) : a.value - Number(b.value);
      return (down ? -order : order) || b.job.id - a.job.id;
    })
    .map(({ job }) => job);
}

function found(job: Job, words: string[]): boolean {
  const of = job.summary;
  const text = [
    job.id, job.name, job.kind, job.state, failure(job), of?.dataset?.name, ...(of?.target ?? []),
    of ? `${networkWords(of)} ${trainingWords(of)} ${of.loss ?? ""} ${of.preset ?? ""}` : "",
  ]
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

// The same objects for jobs that are as they were, so that their rows need not be drawn again.
function useSame(jobs: Job[] | undefined): Job[] {
  const known = useRef(new Map<number, { text: string; job: Job }>());
  const last = useRef<{ from: Job[] | undefined; jobs: Job[] }>({ from: undefined, jobs: [] });
  if (last.current.from !== jobs) {
    const now = new Map<number, { text: string; job: Job }>();
    const same = (jobs ?? []).map((job) => {
      const text = JSON.stringify(job);
      const old = known.current.get(job.id);
      const entry = old?.text === text ? old : { text, job };
      now.set(job.id, entry);
      return entry.job;
    });
    known.current = now;
    last.current = { from: jobs, jobs: same };
  }
  return last.current.jobs;
}

export function JobsView({ route }: { route: Route }) {
  const { query } = route;
  const state = STATES.find((s) => s === query.get("state")) ?? "";
  const { data, error } = useResource<JobList>(`/jobs?${pageQuery(route, PAGE)}${state ? `&state=${state}` : ""}`);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [drawn, setDrawn] = useState(CHUNK);
  const all = useSame(data?.jobs);
  const picked = picks(query.get("pick"));
  const pickedNow = useRef(picked);
  pickedNow.current = picked;
  const [pick] = useState(() => (id: number, on: boolean) => {
    const rest = pickedNow.current.filter((other) => other !== id);
    setQuery({ pick: (on ? [...rest, id] : rest).join(",") });
  });

  const whole = !state && !query.get("page");
  if (!data && whole) return <Missing error={error} what="jobs" />;
  if (all.length === 0 && whole) return <Welcome />;
  const by = query.get("sort") ?? "";
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter((w) => w !== "");
  const jobs = sorted(words.length > 0 ? all.filter((job) => found(job, words)) : all, by);
  const more = jobs.length > drawn;
  return (
    <>
      <h1>Jobs</h1>
      <Now onError={setRefusal} />
      <Refused why={refusal} onClose={setRefusal} />
      <Filter query={query} state={state} by={by} />
      <p class="sr-only" role="status">
        {format.count(jobs.length, "job")}
      </p>
      {jobs.length === 0 ? (
        <p class="quiet nothing">
          {!data
            ? "Loading jobs…"
            : words.length > 0
              ? "No job here has these words."
              : state
                ? `No job is ${state}.`
                : "No job is older."}
        </p>
      ) : (
        <table class="list jobs">
          <thead>
            <tr>
              <th scope="col" class="cell-pick">
                <span class="sr-only">Compare</span>
              </th>
              {COLUMNS.map((column) => (
                <Heading key={column.key} column={column} by={by} />
              ))}
              <th scope="col">
                <span class="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {jobs.slice(0, drawn).map((job) => (
              <JobRow key={job.id} job={job} picked={picked.includes(job.id)} onPick={pick} onError={setRefusal} />
            ))}
          </tbody>
        </table>
      )}
      {more ? <More onMore={() => setDrawn(drawn + CHUNK)} /> : null}
      {!more && data ? <Pages route={route} shown={all.length} what="job" next={data.next_page_token} /> : null}
      {picked.length > 0 ? (
        <div class="picked" role="region" aria-label="Picked jobs">
          <span>
            {format.count(picked.length, "job")} picked
          </span>
          <a class="button primary small" href={`#/compare?runs=${picked.join(",")}`}>
            {picked.length === 1 ? "Compare with others" : "Compare"}
          </a>
          <button type="button" class="small" onClick={() => setQuery({ pick: null })}>
            Clear
          </button>
        </div>
      ) : null}
    </>
  );
}

// A button that presses itself when it comes into sight.
function More({ onMore }: { onMore: () => void }) {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver((all) => all.some((one) => one.isIntersecting) && onMore(), {
      rootMargin: "600px",
    });
    if (ref.current) watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, [onMore]);
  return (
    <p class="more">
      <button type="button" ref={ref} onClick={onMore}>
        Show more
      </button>
    </p>
  );
}

function Heading({ column, by }: { column: Column; by: string }) {
  const { key, title, down } = column;
  if (!column.of) return <th scope="col">{title}</th>;
  const current = by === key ? "ascending" : by === `-${key}` ? "descending" : key === "created" && by === "" ? "descending" : undefined;
  const first = down ? `-${key}` : key;
  const second = down ? key : `-${key}`;
  return (
    <th scope="col" class={column.class} aria-sort={current}>
      <button
        type="button"
        class="sort"
        onClick={() => setQuery({ sort: by === first ? second : by === second ? null : first })}
      >
        {title}
        <span class="sort-mark" aria-hidden="true">
          {current === "ascending" ? "▲" : current === "descending" ? "▼" : ""}
        </span>
      </button>
    </th>
  );
}

function Filter({ query, state, by }: { query: URLSearchParams; state: string; by: string }) {
  return (
    <div class="filter" role="search">
      <label class="filter-words">
        <span class="sr-only">Find jobs</span>
        <input
          type="search"
          placeholder="Find by name, dataset, layers, error…"
          spellcheck={false}
          autocomplete="off"
          value={query.get("q") ?? ""}
          onInput={(e) => setQuery({ q: e.currentTarget.value })}
        />
      </label>
      <label class="inline">
        <span>State</span>
        <select value={state} onChange={(e) => setQuery({ state: e.currentTarget.value, page: null })}>
          <option value="">all</option>
          {STATES.map((s) => (
            <option key={s} value={s}>
              {s}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        <span>Order</span>
        <select value={by} onChange={(e) => setQuery({ sort: e.currentTarget.value })}>
          <option value="">newest first</option>
          {[...COLUMNS, ...EXTRA]
            .filter((c) => c.of)
            .flatMap((c) => {
              const name = c.title.toLowerCase();
              const up: [string, string] = [c.key, c.key === "created" ? "oldest first" : `${name}, rising`];
              const falling: [string, string] = [`-${c.key}`, `${name}, falling`];
              return c.key === "created" ? [up] : c.down ? [falling, up] : [up, falling];
            })
            .map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
        </select>
      </label>
    </div>
  );
}

// Workers and queue as they are now.
function Now({ onError }: { onError: (detail: string) => void }) {
  const { data } = useResource<Service>("/service");
  if (!data) return null;
  const { workers, queue, memory } = data;
  const act = (what: string) => async () => {
    await postEmpty(`/queue/${what}`);
    refresh();
  };
  return (
    <>
      {queue?.is_paused ? (
        // Nothing starts while the queue is paused: say so where people wait for it.
        <Notice kind="warning" title="The queue is paused.">
          <p>
            Running jobs go on, waiting ones do not start.{" "}
            <Action label="Resume the queue" about="the queue" onError={onError} run={act("resume")} />
          </p>
        </Notice>
      ) : null}
      <dl class="tiles now">
        <Tile
          label="Workers"
          value={`${workers?.busy ?? 0} of ${workers?.total ?? 0}`}
          note={workers?.busy ? "busy" : "all free"}
        />
        <Tile
          label="In the queue"
          value={format.number(queue?.queued ?? 0)}
          note={
            queue?.queued && !queue.is_paused ? (
              <Action label="Pause" about="the queue" onError={onError} run={act("pause")} />
            ) : null
          }
        />
        <Tile label="Paused" value={format.number(queue?.paused ?? 0)} />
        {memory?.resident_bytes ? (
          <Tile
            label="Memory"
            value={format.bytes(memory.resident_bytes)}
            note={memory.limit_bytes ? `jobs may take ${format.bytes(memory.limit_bytes)}` : null}
          />
        ) : null}
        {data.store?.free_bytes ? <Tile label="Disk" value={format.bytes(data.store.free_bytes)} note="free" /> : null}
      </dl>
    </>
  );
}
