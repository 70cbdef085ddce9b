// A new job: an example or a dataset to begin with, a form, the same job as JSON and as curl, and
// what the daemon makes of it, asked after every change. What is edited is in the URL.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, postJson, words } from "../api";
import { EXAMPLES, exampleJob, PREPARATIONS, XOR, type Example } from "../examples";
import * as format from "../format";
import { Command, compactJson, CopyButton, Json, Notice, Panel, Tile, type SubmitEvent } from "../parts";
import { locate } from "../pointer";
import { refresh, useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import type { Dataset, FieldProblem, Job } from "../types";
import type { Form } from "./fields";
import { JobForm } from "./jobform";
import { useAccess } from "./token";

interface DryRun {
  resolved?: { why?: Record<string, string> } & Record<string, unknown>;
  warnings?: string[];
  estimate?: { parameters?: number; bytes?: number; disk_bytes?: number; flops?: number; seconds?: number | null };
}

const WAIT_MS = 250;
const LONGEST = 6000; // characters of a job that an address holds

async function starter(route: Route, newest: string | null): Promise<unknown> {
  const from = route.query.get("from");
  const dataset = route.query.get("dataset");
  const example = route.query.get("example");
  if (from) {
    const got = await get<Job>(`/jobs/${encodeURIComponent(from)}`, null);
    if (got.changed && got.data.config) return got.data.config;
  }
  if (example) return exampleJob(example);
  const name = dataset ?? newest;
  if (!name) return XOR;
  const got = await get<Dataset>(`/datasets/${encodeURIComponent(name)}`, null);
  const columns = got.changed ? (got.data.columns ?? []) : [];
  const target = columns[columns.length - 1]?.name;
  return { data: { dataset: /^\d+$/.test(name) ? Number(name) : name, target } };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function NewView({ route }: { route: Route }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [dry, setDry] = useState<DryRun | null>(null);
  const [stale, setStale] = useState(false);
  const [held, setHeld] = useState(false); // half of a change: the daemon is asked when the rest is there
  const { asking } = useAccess(); // nothing is asked of the daemon until there is a token
  const asked = useRef(0);
  const begun = useRef<string | null>(null); // the source whose job the text is
  const list = useResource<{ datasets?: Dataset[] }>("/datasets?limit=200");
  const source = ["from", "dataset", "example"].map((key) => route.query.get(key) ?? "").join("\n");
  const [round, setRound] = useState(0); // one more: begin again
  const known = list.data !== null || list.error !== null || source !== "\n\n";

  useEffect(() => {
    if (!known || begun.current === source) return;
    const kept = begun.current === null ? route.query.get("job") : null;
    begun.current = source;
    if (kept !== null) {
      const value = parsed(kept);
      setText(value === undefined ? kept : compactJson(value, "", true));
      return;
    }
    const newest = list.data?.datasets?.find((d) => d.name)?.name ?? null;
    starter(route, newest).then(
      (job) => {
        if (begun.current === source) edit(compactJson(job, "", true), false);
      },
      (e: unknown) => {
        setFailure(e);
        edit(compactJson(XOR, "", true), false);
      },
    );
  }, [source, known, round]);

  function edit(next: string, keep = true, hold = false) {
    setText(next);
    setHeld(hold);
    if (!keep) {
      setQuery({ job: null });
      return;
    }
    const value = parsed(next);
    const short = value === undefined ? next : JSON.stringify(value);
    setQuery({ job: short.length <= LONGEST ? short : null });
  }

  useEffect(() => {
    if (text === "" || asking) return undefined;
    setStale(true);
    const turn = ++asked.current; // what was asked before does not count any more
    if (held) return undefined;
    const timer = window.setTimeout(() => void ask(turn), WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [text, asking, held]);

  async function ask(turn: number) {
    try {
      const got = await postJson<DryRun>("/train?dry_run=1", text);
      if (turn !== asked.current) return;
      setDry(got);
      setFailure(null);
    } catch (e) {
      if (turn !== asked.current) return;
      setFailure(e);
    }
    setStale(false);
  }

  async function train() {
    if (busy) return;
    setBusy(true);
    asked.current++; // what it answers is what counts now
    try {
      const made = await postJson<Job>("/train", text);
      refresh();
      go(`#/jobs/${made.id}`);
    } catch (e) {
      setFailure(e);
      setStale(false);
    }
    setBusy(false);
  }

  const config = parsed(text);
  const problems = failure instanceof ApiError ? failure.problems : [];
  const form: Form = {
    config: config ?? {},
    resolved: dry?.resolved,
    problems,
    locked: config === undefined,
    change: (next, more = false) => edit(compactJson(next, "", true), true, more),
  };
  return (
    <>
      <h1>New job</h1>
      <Beginnings
        chosen={route.query.get("example")}
        onAgain={() => {
          begun.current = "";
          setRound(round + 1);
        }}
      />
      <form
        class="job-columns"
        onSubmit={(e: SubmitEvent) => {
          e.preventDefault();
          void train();
        }}
        onKeyDown={(e) => {
          if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
            e.preventDefault();
            void train();
          }
        }}
      >
        <div>
          <Panel title="What to learn">
            {config === undefined && text !== "" ? (
              <Notice kind="warning">
                <p>The JSON is not an object; mend it, and the fields work again.</p>
              </Notice>
            ) : null}
            <JobForm form={form} route={route} />
          </Panel>
        </div>
        <div>
          <Panel title="What it comes to" class={`estimate ${stale ? "stale" : ""}`}>
            <Estimate dry={failure ? null : dry} failure={failure} />
            <div class="form-foot">
              <button type="submit" class="primary" aria-disabled={busy}>
                {busy ? "Sending…" : "Train"}
              </button>
              <span class="quiet">or Ctrl+Enter</span>
            </div>
          </Panel>
          <AsText text={text} failure={failure} onText={(next) => edit(next)} />
          {dry?.resolved && !failure ? <Resolved dry={dry} /> : null}
        </div>
      </form>
    </>
  );
}

function Beginnings({ chosen, onAgain }: { chosen: string | null; onAgain: () => void }) {
  const link = (e: Example) => (
    <a
      key={e.key}
      class="example"
      href={`#/new?example=${encodeURIComponent(e.key)}`}
      aria-current={chosen === e.key ? "true" : undefined}
      onClick={() => chosen === e.key && onAgain()}
    >
      <b>{e.title}</b> <span>{e.about}</span>
    </a>
  );
  return (
    <nav aria-label="Examples">
      <div class="examples">{EXAMPLES.map(link)}</div>
      <details class="more-examples" open={PREPARATIONS.some((e) => e.key === chosen)}>
        <summary>What can be done with columns and rows: {PREPARATIONS.length} more</summary>
        <div class="examples">{PREPARATIONS.map(link)}</div>
      </details>
    </nav>
  );
}

function Estimate({ dry, failure }: { dry: DryRun | null; failure: unknown }) {
  if (failure) {
    const problems = failure instanceof ApiError ? failure.problems : [];
    return (
      <Notice kind="error" title={problems.length > 1 ? `${problems.length} things to change` : "Not yet a job"}>
        {problems.length === 0 ? <p>{words(failure)}</p> : null}
        <ul class="problems">
          {problems.map((p, i) => (
            <li key={i}>
              {p.pointer ? <code>{p.pointer}</code> : null} {p.detail}
            </li>
          ))}
        </ul>
      </Notice>
    );
  }
  const e = dry?.estimate;
  if (!e) return <p class="quiet loading">Asking…</p>;
  return (
    <>
      <dl class="tiles tiles-flat">
        <Tile label="Parameters" value={format.number(e.parameters, 9)} />
        <Tile label="Memory" value={format.bytes(e.bytes)} />
        <Tile label="Time" value={format.duration(e.seconds)} note="at most; a guess" />
        <Tile label="Disk" value={format.bytes(e.disk_bytes)} />
      </dl>
      {(dry.warnings ?? []).map((warning) => (
        <Notice kind="warning" key={warning}>
          <p>{warning}</p>
        </Notice>
      ))}
    </>
  );
}

function AsText(props: { text: string; failure: unknown; onText: (text: string) => void }) {
  const { text, failure } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const problems: FieldProblem[] = failure instanceof ApiError ? failure.problems : [];

  function show(start: number, end: number, line: number) {
    const box = area.current;
    if (!box) return;
    box.focus();
    box.setSelectionRange(start, end);
    const height = box.scrollHeight / Math.max(1, text.split("\n").length);
    box.scrollTop = Math.max(0, (line - 3) * height);
  }
  const value = parsed(text);
  const curl = `curl --json '${(value === undefined ? text : JSON.stringify(value)).replace(/'/g, "'\\''")}' ${window.location.origin}/train`;
  return (
    <Panel title="The same as JSON" aside={<CopyButton text={text} />}>
      <label class="sr-only" for="job-json">
        The job as JSON
      </label>
      <textarea
        id="job-json"
        class="code"
        ref={area}
        rows={Math.min(22, Math.max(6, text.split("\n").length + 1))}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={failure instanceof ApiError ? true : undefined}
        value={text}
        onInput={(e) => props.onText(e.currentTarget.value)}
      />
      <ul class="problems places">
        {problems.map((problem, i) => {
          const place = problem.pointer ? locate(text, problem.pointer) : null;
          if (!place) return null;
          return (
            <li key={i}>
              <code>{problem.pointer}</code>
              <button type="button" class="link" onClick={() => show(place.start, place.end, place.line)}>
                line {place.line}
              </button>
            </li>
          );
        })}
      </ul>
      <details class="as-curl">
        <summary>The same as curl</summary>
        <Command text={curl} />
      </details>
    </Panel>
  );
}

function Resolved({ dry }: { dry: DryRun }) {
  const { why, ...rest } = dry.resolved ?? {};
  const reasons = Object.entries(why ?? {});
  return (
    <Panel title="With every default">
      {reasons.length > 0 ? (
        <dl class="why">
          {reasons.map(([key, reason]) => (
            <>
              <dt key={key}>
                <code>{key}</code>
              </dt>
              <dd>{reason}</dd>
            </>
          ))}
        </dl>
      ) : null}
      <details class="as-curl">
        <summary>The resolved config</summary>
        <Json value={rest} />
      </details>
    </Panel>
  );
}
