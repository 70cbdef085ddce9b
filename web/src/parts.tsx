// Small parts that several views are made of.

import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { words, type ApiError } from "./api";
import * as format from "./format";
import { useResource } from "./poll";
import { setQuery } from "./route";
import type { DatasetRef, Job } from "./types";

const STATES: Record<string, { word: string; path: string }> = {
  queued: { word: "queued", path: "M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" },
  running: { word: "running", path: "M5.5 3.5v9l7-4.5Z" },
  paused: { word: "paused", path: "M5.5 3.5v9M10.5 3.5v9" },
  succeeded: { word: "succeeded", path: "M3 8.5 6.5 12 13 4.5" },
  failed: { word: "failed", path: "m4 4 8 8M12 4l-8 8" },
  cancelled: { word: "cancelled", path: "M3 8h10" },
};

// A state as a word, a shape and a colour, in this order of importance.
export function State({ state }: { state: string }) {
  const known = STATES[state];
  return (
    <span class={`state state-${known ? state : "other"}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={known?.path ?? "M8 8h.01"} />
      </svg>
      {known?.word ?? state}
    </span>
  );
}

export function ProgressBar({ job }: { job: Job }) {
  const done = job.state === "succeeded" ? 1 : (job.progress?.fraction ?? 0);
  const percent = Math.round(Math.min(1, Math.max(0, done)) * 100);
  return (
    <div
      class={`bar bar-${job.state}`}
      role="progressbar"
      aria-label={`Progress of job ${job.id}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

export function Tile(props: { label: string; value: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="tile">
      <dt>{props.label}</dt>
      <dd>
        <span class="tile-value">{props.value}</span>
        {props.note ? <span class="tile-note">{props.note}</span> : null}
      </dd>
    </div>
  );
}

// What a job or model is called; most have no name.
export function Name({ name }: { name: string | null | undefined }) {
  return name ? <>{name}</> : <span class="unnamed">unnamed</span>;
}

// One clock for all ages on the page.
const ages = new Set<(now: number) => void>();
window.setInterval(() => {
  if (!document.hidden) for (const tell of ages) tell(Date.now());
}, 5000);

// Shows the age of a moment and keeps it true without asking the daemon.
export function Age({ at }: { at: string | null | undefined }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    ages.add(setNow);
    return () => void ages.delete(setNow);
  }, []);
  if (!at) return <>{format.NONE}</>;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {format.age(at, Math.max(now, Date.now()))}
    </time>
  );
}

// A part that is drawn again only when one of its props is another: for the rows of long lists.
export function memo<P extends object>(Part: (props: P) => ComponentChildren) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const [now, then] = [this.props, next] as Record<string, unknown>[];
      return Object.keys(next).some((key) => now?.[key] !== then?.[key]);
    }
    override render() {
      return <Part {...(this.props as P)} />;
    }
  };
}

// A button that does something over the network: busy while it does, its refusal shown.
export function Action(props: {
  label: string;
  about: string; // for screen readers: "job 12"
  run: () => Promise<void>;
  confirm?: string;
  kind?: "plain" | "danger";
  onError: (detail: string) => void;
}) {
  const [state, setState] = useState<"idle" | "asking" | "busy">("idle");
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  async function click() {
    if (state === "busy") return;
    if (props.confirm && state === "idle") {
      setState("asking");
      return;
    }
    setState("busy");
    try {
      await props.run();
    } catch (e) {
      props.onError(words(e));
    }
    if (alive.current) setState("idle");
  }
  const asking = state === "asking";
  return (
    <button
      type="button"
      class={`small ${props.kind === "danger" ? "danger" : ""} ${asking ? "asking" : ""}`}
      aria-disabled={state === "busy"}
      onClick={() => void click()}
      onBlur={() => asking && setState("idle")}
      onKeyDown={(e) => e.key === "Escape" && asking && setState("idle")}
    >
      {asking ? props.confirm : props.label}
      <span class="sr-only"> {props.about}</span>
    </button>
  );
}

export function Notice(props: {
  kind: "error" | "warning" | "info" | "good";
  title?: string | undefined;
  children?: ComponentChildren;
  onClose?: () => void;
}) {
  return (
    <div class={`notice notice-${props.kind}`} role={props.kind === "error" ? "alert" : "status"}>
      <div>
        {props.title ? <strong>{props.title}</strong> : null}
        {props.children}
      </div>
      {props.onClose ? (
        <button type="button" class="close" aria-label="Close this message" onClick={props.onClose}>
          ×
        </button>
      ) : null}
    </div>
  );
}

// Instead of content: what is missing and why.
export function Missing({ error, what }: { error: ApiError | null; what: string }) {
  if (!error) return <p class="quiet loading">Loading {what}…</p>;
  return (
    <>
      <h1>No {what} to show</h1>
      <Notice kind={error.status === 404 ? "info" : "error"}>
        <p>{error.message}</p>
      </Notice>
    </>
  );
}

export function Panel(props: {
  title: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
  id?: string;
}) {
  return (
    <section class={`panel ${props.class ?? ""}`} id={props.id}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

// One of a few, as a row of radio buttons that looks like one control.
export function Choice(props: {
  label: string;
  value: string;
  options: [value: string, text: string][];
  onChange: (value: string) => void;
}) {
  const name = `choice-${props.label.replace(/\W+/g, "-").toLowerCase()}`;
  return (
    <fieldset class="choice">
      <legend class="sr-only">{props.label}</legend>
      {props.options.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            checked={props.value === value}
            onChange={() => props.onChange(value)}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  // Browsers lend the clipboard to secure contexts only; loopback is one.
  if (!window.isSecureContext || !navigator.clipboard) return null;
  return (
    <button
      type="button"
      class="small copy"
      onClick={() => {
        void navigator.clipboard.writeText(text).then(
          () => setDone(true),
          () => setDone(false),
        );
      }}
      onBlur={() => setDone(false)}
    >
      {done ? "Copied" : label}
    </button>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} />
    </div>
  );
}

export function Json({ value }: { value: unknown }) {
  const text = compactJson(value);
  return (
    <div class="command">
      <pre tabIndex={0} class="json">
        {text}
      </pre>
      <CopyButton text={text} />
    </div>
  );
}

const LINE = 64; // characters of JSON on one line

// JSON with what fits on a line on a line: lists of layers stay readable. `open`: the outermost
// brackets get lines of their own even so, for a text that is to be edited.
export function compactJson(value: unknown, indent = "", open = false): string {
  const flat = JSON.stringify(value);
  if (flat === undefined) return "";
  if (value === null || typeof value !== "object" || (!open && flat.length + indent.length <= LINE)) {
    return flat.replace(/("(?:[^"\\]|\\.)*")|([,:])/g, (_, text: string, sign: string) =>
      text ? text : `${sign} `,
    );
  }
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => inner + compactJson(item, inner))
    : Object.entries(value).map(
        ([key, item]) => `${inner}${JSON.stringify(key)}: ${compactJson(item, inner)}`,
      );
  const [first, last] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${first}\n${lines.join(",\n")}\n${indent}${last}`;
}

function refParts(ref: DatasetRef | string | null | undefined): DatasetRef {
  if (!ref) return {};
  if (typeof ref !== "string") return ref;
  return ref.startsWith("sha256:") ? { sha256: ref.slice(7) } : { name: ref };
}

export function shortHash(hash: string): string {
  return hash.replace(/^sha256:/, "").slice(0, 10);
}

// Lists and resolved configs name a dataset by its hash; people know it by its name.
export function DatasetLink({ of }: { of: DatasetRef | string | null | undefined }) {
  const given = refParts(of);
  const all = useResource<{ datasets?: DatasetRef[] }>("/datasets?limit=200").data?.datasets ?? [];
  const ref: DatasetRef =
    given.name || !given.sha256 ? given : { ...(all.find((d) => d.sha256 === given.sha256) ?? given) };
  const key = ref.id ?? ref.name;
  const text = ref.name ?? (ref.sha256 ? shortHash(ref.sha256) : ref.id ? `#${ref.id}` : null);
  if (!text) return <span class="quiet">{format.NONE}</span>;
  if (key === null || key === undefined) return <code title={ref.sha256 ?? ""}>{text}</code>;
  return (
    <a class="dataset" href={`#/datasets/${encodeURIComponent(String(key))}`}>
      {text}
    </a>
  );
}

function field(value: unknown, key: string): unknown {
  return value && typeof value === "object" ? (value as Record<string, unknown>)[key] : undefined;
}

// The dataset a job trains on, from wherever its answer has it.
export function jobDataset(job: Job): DatasetRef | string | null {
  if (job.dataset) return job.dataset;
  for (const from of [job.config, job.resolved]) {
    const named = field(field(from, "data"), "dataset");
    if (typeof named === "string") return named;
    if (typeof named === "number") return { id: named };
  }
  return null;
}

// A filter by words, kept in the address; `found` tells how many are left.
export function Find({ value, hint, found }: { value: string; hint: string; found?: string }) {
  return (
    <label class="inline find">
      <span>Find</span>
      <input type="search" value={value} placeholder={hint} onInput={(e) => setQuery({ find: e.currentTarget.value })} />
      {found === undefined ? null : <span aria-live="polite">{value === "" ? "" : found}</span>}
    </label>
  );
}

export type SubmitEvent = JSX.TargetedSubmitEvent<HTMLFormElement>;
