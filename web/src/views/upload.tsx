// Adding a dataset: files dropped or chosen, with their progress, or a URL that the daemon fetches.

import { useRef, useState } from "preact/hooks";
import { ApiError, postJson, words } from "../api";
import * as format from "../format";
import { Choice, Notice, Panel, State, type SubmitEvent } from "../parts";
import { jobIsFinal, refresh, useResource } from "../poll";
import { setQuery, type Route } from "../route";
import { isName, nameFrom, upload } from "../send";
import type { Dataset, Job } from "../types";
import { columnCount, keyOf } from "./datasets";

const ACCEPT =
  ".csv,.tsv,.txt,.gz,.ndjson,.jsonl,.json,.npy,.npz,.zip,.arff,.libsvm,.svm,.idx1-ubyte,.idx3-ubyte,text/csv";

export function AddDataset({ route }: { route: Route }) {
  const byUrl = route.query.get("add") === "url";
  return (
    <Panel
      title="Add one"
      class="add-dataset"
      aside={
        <Choice
          label="Where it comes from"
          value={byUrl ? "url" : "file"}
          options={[
            ["file", "a file"],
            ["url", "a URL"],
          ]}
          onChange={(value) => setQuery({ add: value === "url" ? value : null })}
        />
      }
    >
      {byUrl ? <FetchForm route={route} /> : <UploadForm />}
    </Panel>
  );
}

function NameField(props: { name: string; onName: (name: string) => void }) {
  const wrong = props.name !== "" && !isName(props.name);
  return (
    <label class="field">
      <span>Name</span>
      <input
        type="text"
        value={props.name}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={wrong ? true : undefined}
        onInput={(e) => props.onName(e.currentTarget.value)}
      />
      {wrong ? (
        <span class="problem">It begins with a letter and has letters, digits, dots, hyphens and underscores.</span>
      ) : null}
    </label>
  );
}

// What was refused, all of it at once.
function Refusal({ error, onClose }: { error: unknown; onClose: () => void }) {
  const details = error instanceof ApiError ? error.problems.map((p) => p.detail ?? "") : [];
  const more = [...new Set(details)].filter((d) => d !== "" && !words(error).includes(d));
  return (
    <Notice kind="error" onClose={onClose}>
      <p>{words(error)}</p>
      {more.length > 0 ? (
        <ul>
          {more.map((d) => (
            <li key={d}>{d}</li>
          ))}
        </ul>
      ) : null}
    </Notice>
  );
}

type Outcome = { made: Dataset } | { error: unknown } | null;

function UploadForm() {
  const [files, setFiles] = useState<File[]>([]);
  const [name, setName] = useState("");
  const [over, setOver] = useState(false);
  const [sent, setSent] = useState<number | null>(null); // the part that is there; null: nothing under way
  const [outcome, setOutcome] = useState<Outcome>(null);
  const stop = useRef<AbortController | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const busy = sent !== null;
  const conflict = outcome && "error" in outcome && outcome.error instanceof ApiError && outcome.error.status === 409;

  function choose(list: FileList | null | undefined) {
    const chosen = [...(list ?? [])];
    const [first] = chosen;
    if (!first) return;
    setFiles(chosen);
    setName(nameFrom(first.name));
    setOutcome(null);
  }

  async function send(replace: boolean) {
    if (files.length === 0 || busy || !isName(name)) return;
    setSent(0);
    setOutcome(null);
    stop.current = new AbortController();
    try {
      const path = `/datasets?name=${encodeURIComponent(name)}${replace ? "&replace=true" : ""}`;
      const made = await upload<Dataset>(path, files, setSent, stop.current.signal);
      setOutcome({ made });
      setFiles([]);
      setName("");
      if (input.current) input.current.value = "";
      refresh();
    } catch (error) {
      setOutcome({ error });
    }
    setSent(null);
  }

  const size = files.reduce((sum, file) => sum + file.size, 0);
  return (
    <form
      onSubmit={(e: SubmitEvent) => {
        e.preventDefault();
        void send(false);
      }}
    >
      <label
        class={`drop ${over ? "drop-over" : ""}`}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          if (!busy) choose(e.dataTransfer?.files);
        }}
      >
        <input
          type="file"
          class="sr-only"
          multiple
          accept={ACCEPT}
          ref={input}
          disabled={busy}
          aria-label="File"
          onChange={(e) => choose(e.currentTarget.files)}
        />
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M4 16v2.5A1.5 1.5 0 0 0 5.5 20h13a1.5 1.5 0 0 0 1.5-1.5V16" />
        </svg>
        {files.length > 0 ? (
          <span>
            <b>{files.map((file) => file.name).join(", ")}</b> <span class="quiet">{format.bytes(size)}</span>
          </span>
        ) : (
          <span>
            <b>Drop a table here</b> or <u>choose a file</u>
          </span>
        )}
        <span class="quiet">CSV, TSV, NDJSON, NumPy, IDX, libsvm or ARFF, plain or gzipped</span>
      </label>
      {files.length > 0 ? (
        <div class="upload">
          <NameField name={name} onName={setName} />
          <button type="submit" class="primary" aria-disabled={!isName(name) || busy}>
            Upload
          </button>
          {busy ? (
            <button type="button" onClick={() => stop.current?.abort()}>
              Stop
            </button>
          ) : null}
        </div>
      ) : null}
      {busy ? <Sending fraction={sent} /> : null}
      {outcome && "made" in outcome ? (
        <Notice kind="good" onClose={() => setOutcome(null)}>
          <p>
            <a href={`#/datasets/${keyOf(outcome.made)}`}>{outcome.made.name ?? outcome.made.id}</a> is here:{" "}
            {format.count(outcome.made.rows, "row")}, {format.count(columnCount(outcome.made), "column")}.{" "}
            <a href={`#/new?dataset=${keyOf(outcome.made)}`}>Train on it</a>
          </p>
        </Notice>
      ) : null}
      {outcome && "error" in outcome ? <Refusal error={outcome.error} onClose={() => setOutcome(null)} /> : null}
      {conflict ? (
        <button type="button" onClick={() => void send(true)}>
          Let the name {name} mean this table
        </button>
      ) : null}
    </form>
  );
}

function Sending({ fraction }: { fraction: number }) {
  const percent = Math.round(fraction * 100);
  return (
    <div class="progress-line sending">
      <div
        class="bar bar-running"
        role="progressbar"
        aria-label="Upload"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
      <span>{percent < 100 ? `${percent} % sent` : "all is there; it is being read"}</span>
    </div>
  );
}

function FetchForm({ route }: { route: Route }) {
  const [name, setName] = useState("");
  const [error, setError] = useState<unknown>(null);
  const url = route.query.get("url") ?? "";
  const job = route.query.get("fetch");

  async function send() {
    setError(null);
    try {
      const made = await postJson<Job>("/datasets", JSON.stringify({ url, name: name || nameFrom(lastPart(url)) }));
      setQuery({ fetch: String(made.id) });
      refresh();
    } catch (e) {
      setError(e);
    }
  }
  return (
    <form
      onSubmit={(e: SubmitEvent) => {
        e.preventDefault();
        void send();
      }}
    >
      <div class="upload">
        <label class="field field-url">
          <span>URL of a table, which the daemon fetches</span>
          <input
            type="url"
            required
            placeholder="https://"
            value={url}
            onInput={(e) => {
              setQuery({ url: e.currentTarget.value, fetch: null });
              setName(nameFrom(lastPart(e.currentTarget.value)));
            }}
          />
        </label>
        <NameField name={name} onName={setName} />
        <button type="submit" class="primary">
          Fetch
        </button>
      </div>
      <p class="hint">From hosts that the operator allows (mlpd --fetch-allow).</p>
      {error ? <Refusal error={error} onClose={() => setError(null)} /> : null}
      {job ? <Fetching id={job} /> : null}
    </form>
  );
}

function lastPart(url: string): string {
  return url.replace(/[?#].*$/, "").replace(/\/+$/, "").replace(/^.*\//, "");
}

interface FetchJob extends Job {
  progress?: Job["progress"] & { fetch?: { bytes?: number; of_bytes?: number | null; rows?: number } | null };
  result?: { stopped_by?: string; dataset_id?: number; rows?: number } | null;
}

function Fetching({ id }: { id: string }) {
  const { data: job, error } = useResource<FetchJob>(`/jobs/${encodeURIComponent(id)}`, jobIsFinal);
  if (error) return <Notice kind="error">{error.message}</Notice>;
  if (!job) return null;
  const fetch = job.progress?.fetch;
  const made = job.result?.dataset_id;
  return (
    <p class="fetching" aria-live="polite">
      <State state={job.state} /> <a href={`#/jobs/${job.id}`}>job {job.id}</a>{" "}
      {made ? (
        <>
          made <a href={`#/datasets/${made}`}>dataset {made}</a>, {format.count(job.result?.rows, "row")}.
        </>
      ) : job.error ? (
        <span class="problem">{job.error.detail}</span>
      ) : fetch ? (
        `${format.bytes(fetch.bytes)}${fetch.of_bytes ? ` of ${format.bytes(fetch.of_bytes)}` : ""}, ${format.count(fetch.rows, "row")}`
      ) : null}
    </p>
  );
}
