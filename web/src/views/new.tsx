// A new job as JSON: a working example to begin with, a dry run, and every complaint of the
// daemon at the place it is about.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, postJson, words } from "../api";
import * as format from "../format";
import { compactJson, Json, Notice, Panel, type SubmitEvent } from "../parts";
import { locate } from "../pointer";
import { refresh, useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import type { Dataset, Job } from "../types";

interface DryRun {
  resolved?: unknown;
  warnings?: string[];
  estimate?: { parameters?: number; bytes?: number; flops?: number; seconds?: number | null };
}

const XOR = {
  name: "xor",
  data: { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] },
  architecture: { hidden: [8], activation: "tanh" },
  optimizer: { type: "adam", learning_rate: 0.05 },
  loss: "cross_entropy",
  training: { epochs: 300, batch_size: 4, seed: 1 },
};

// The two keys that are needed; the target is most often the last column.
function smallest(dataset: Dataset): unknown {
  const columns = dataset.columns ?? [];
  const target = columns[columns.length - 1]?.name ?? "the column to learn";
  return { data: { dataset: dataset.name ?? String(dataset.id), target } };
}

async function starter(route: Route): Promise<string> {
  const from = route.query.get("from");
  const dataset = route.query.get("dataset");
  try {
    if (from) {
      const got = await get<Job>(`/jobs/${encodeURIComponent(from)}`, null);
      if (got.changed && got.data.config) return compactJson(got.data.config, "", true);
    } else if (dataset) {
      const got = await get<Dataset>(`/datasets/${encodeURIComponent(dataset)}`, null);
      if (got.changed) return compactJson(smallest(got.data), "", true);
    }
  } catch {
    // It is gone, or nobody answers: the example that needs nothing does.
  }
  return compactJson(XOR, "", true);
}

export function NewView({ route }: { route: Route }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState<"" | "dry" | "real">("");
  const [failure, setFailure] = useState<unknown>(null);
  const [dry, setDry] = useState<DryRun | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const { data } = useResource<{ datasets?: Dataset[] }>("/datasets?limit=200");
  const source = `${route.query.get("from") ?? ""} ${route.query.get("dataset") ?? ""} ${route.query.get("example") ?? ""}`;

  useEffect(() => {
    let current = true;
    void starter(route).then((start) => {
      if (!current) return;
      setText(start);
      setDry(null);
      setFailure(null);
    });
    return () => {
      current = false;
    };
  }, [source]);

  async function run(kind: "dry" | "real") {
    if (busy) return;
    setBusy(kind);
    setFailure(null);
    setDry(null);
    try {
      if (kind === "dry") {
        setDry(await postJson<DryRun>("/train?dry_run=1", text));
      } else {
        const made = await postJson<Job>("/train", text);
        refresh();
        go(`#/jobs/${made.id}`);
      }
    } catch (e) {
      setFailure(e);
    }
    setBusy("");
  }

  const named = (data?.datasets ?? []).filter((d) => d.name);
  return (
    <>
      <h1>New job</h1>
      <p class="quiet">
        Two keys are enough: the dataset and the column to learn. <code>architecture</code>, <code>optimizer</code>,{" "}
        <code>training</code> and the rest have defaults that work; a dry run shows them.
      </p>
      <Panel
        title="Job"
        aside={
          <label class="inline">
            <span>Start from</span>
            <select
              value={route.query.get("dataset") ?? (route.query.get("from") ? "from" : "")}
              onChange={(e) => {
                const value = e.currentTarget.value;
                setQuery({ dataset: value || null, from: null, example: value ? null : "xor" });
              }}
            >
              <option value="">XOR, four rows</option>
              {route.query.get("from") ? <option value="from">job {route.query.get("from")}</option> : null}
              {named.map((d) => (
                <option key={d.id} value={d.name ?? ""}>
                  {d.name}
                </option>
              ))}
            </select>
          </label>
        }
      >
        <form
          onSubmit={(e: SubmitEvent) => {
            e.preventDefault();
            void run("real");
          }}
        >
          <label class="sr-only" for="job-json">
            The job as JSON
          </label>
          <textarea
            id="job-json"
            class="code"
            ref={area}
            rows={Math.min(24, Math.max(8, text.split("\n").length + 1))}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={failure instanceof ApiError ? true : undefined}
            aria-describedby="job-problems"
            value={text}
            onInput={(e) => setText(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
                e.preventDefault();
                void run("real");
              }
            }}
          />
          <div class="form-foot">
            <button type="submit" class="primary" aria-disabled={busy !== ""}>
              {busy === "real" ? "Sending…" : "Train"}
            </button>
            <button type="button" aria-disabled={busy !== ""} onClick={() => void run("dry")}>
              {busy === "dry" ? "Asking…" : "Dry run"}
            </button>
            <span class="quiet">Ctrl+Enter trains.</span>
          </div>
        </form>
        <div id="job-problems">
          {failure ? <Problems failure={failure} text={text} area={area} /> : null}
        </div>
      </Panel>
      {dry ? <DryRunPanel dry={dry} /> : null}
    </>
  );
}

function Problems(props: {
  failure: unknown;
  text: string;
  area: { current: HTMLTextAreaElement | null };
}) {
  const { failure, text, area } = props;
  if (!(failure instanceof ApiError)) return <Notice kind="error">{words(failure)}</Notice>;

  function show(start: number, end: number, line: number) {
    const box = area.current;
    if (!box) return;
    box.focus();
    box.setSelectionRange(start, end);
    const height = box.scrollHeight / Math.max(1, text.split("\n").length);
    box.scrollTop = Math.max(0, (line - 3) * height);
  }
  return (
    <Notice kind="error" title={failure.problems.length > 1 ? `${failure.problems.length} things to change` : "Not accepted"}>
      {failure.problems.length === 0 ? <p>{failure.message}</p> : null}
      <ul class="problems">
        {failure.problems.map((problem, i) => {
          const place = problem.pointer ? locate(text, problem.pointer) : null;
          return (
            <li key={i}>
              {problem.pointer ? <code>{problem.pointer}</code> : null} {problem.detail}
              {place ? (
                <button type="button" class="link" onClick={() => show(place.start, place.end, place.line)}>
                  line {place.line}
                </button>
              ) : null}
            </li>
          );
        })}
      </ul>
    </Notice>
  );
}

function DryRunPanel({ dry }: { dry: DryRun }) {
  const e = dry.estimate ?? {};
  const facts = [
    e.parameters === undefined ? null : format.count(e.parameters, "parameter"),
    e.bytes === undefined ? null : `${format.bytes(e.bytes)} of memory`,
    e.seconds === undefined || e.seconds === null ? null : `about ${format.duration(e.seconds)}`,
  ].filter((fact) => fact !== null);
  return (
    <Panel title="Dry run: this would be trained" class="dry-run">
      {facts.length > 0 ? <p class="dry-facts">{facts.join(" · ")}</p> : null}
      {(dry.warnings ?? []).map((warning) => (
        <Notice kind="warning" key={warning}>
          {warning}
        </Notice>
      ))}
      <Json value={dry.resolved ?? dry} />
    </Panel>
  );
}
