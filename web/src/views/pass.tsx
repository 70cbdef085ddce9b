// See the pass: one row of the model's data through the network, layer by layer, and its loss
// back through it. Row, step and the chosen weight are in the URL.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, postJson, words } from "../api";
import * as format from "../format";
import { Net, tones, type NetColumn, type NetLink } from "../net";
import { Notice, Panel } from "../parts";
import { useResource } from "../poll";
import { setQuery, type Route } from "../route";
import {
  before, columnOf, focus, largest, parseChosen, pick, stepsOf, weightOf, type Chosen, type Step, type Trace,
} from "../trace";
import type { Dataset, DatasetRef, Model } from "../types";
import { inputName, StepWords, WeightWords } from "./passwords";

const MOST = 10; // nodes of a layer that are drawn
const PLAY_MS = 1400;

interface RowsAnswer {
  total?: number;
  columns?: string[];
  rows?: (string | number | null)[][];
}

type Row = Record<string, string | number | null>;

// The model's columns of a row of its dataset.
function rowFor(model: Model, answer: RowsAnswer): Row | null {
  const cells = answer.rows?.[0];
  if (!cells) return null;
  const wanted = new Set([...(model.features ?? []).map((f) => f.name), ...(model.target?.names ?? [])]);
  if (model.offset) wanted.add(model.offset);
  const row: Row = {};
  for (const [i, name] of (answer.columns ?? []).entries()) if (wanted.has(name)) row[name] = cells[i] ?? null;
  return row;
}

function datasetId(of: DatasetRef | string | null | undefined): number | null {
  return of && typeof of === "object" ? (of.id ?? null) : null;
}

export function PassView({ model, route }: { model: Model; route: Route }) {
  const id = datasetId(model.dataset);
  if ((model.features ?? []).length === 0)
    return <p class="quiet">There is something to see as soon as its job has finished the first epoch.</p>;
  return id === null ? (
    <>
      <Notice kind="info">
        <p>The table it learnt from is gone: this is the model's own example, which has no truth and so no way back.</p>
      </Notice>
      <Pass model={model} route={route} row={(model.example ?? {}) as Row} total={0} at={0} />
    </>
  ) : (
    <FromDataset model={model} route={route} id={id} />
  );
}

function FromDataset({ model, route, id }: { model: Model; route: Route; id: number }) {
  const { data: dataset } = useResource<Dataset>(`/datasets/${id}`);
  const total = dataset?.rows ?? 0;
  const at = Math.max(0, Math.min(total - 1, (Number(route.query.get("row")) || 1) - 1));
  const { data, error } = useResource<RowsAnswer>(`/datasets/${id}/rows?offset=${at}&limit=1`, () => true);
  const row = data ? rowFor(model, data) : null;
  if (error) return <Notice kind="error">{error.message}</Notice>;
  return <Pass model={model} route={route} row={row} total={total} at={at} />;
}

// The pass of `row`; what was there stays until the next answer.
function useTrace(model: Model, row: Row | null, chosen: string | null): { trace: Trace | null; failure: unknown } {
  const [trace, setTrace] = useState<Trace | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const asked = useRef(0);
  // Wide layers send weights of one unit at a time.
  const wide = trace?.layers.some((layer) => layer.W === null) === true;
  const unit = wide && trace ? parseChosen(chosen, trace) : null;
  const query = unit ? `?layer=${unit.k}&unit=${unit.j}` : "";
  const body = row ? JSON.stringify({ instances: [row] }) : null;
  useEffect(() => {
    if (body === null) return;
    const turn = ++asked.current;
    postJson<Trace>(`/models/${model.id}/trace${query}`, body).then(
      (got) => {
        if (turn !== asked.current) return;
        setTrace(got);
        setFailure(null);
      },
      (e: unknown) => turn === asked.current && setFailure(e),
    );
  }, [body, query, model.id, model.epoch]);
  return { trace, failure };
}

function Pass(props: { model: Model; route: Route; row: Row | null; total: number; at: number }) {
  const { model, route, row, total, at } = props;
  const { trace, failure } = useTrace(model, row, route.query.get("w"));
  const [playing, setPlaying] = useState(false);
  const steps = trace ? stepsOf(trace) : [];
  const n = Math.max(0, Math.min(steps.length - 1, Number(route.query.get("step")) || 0));
  const to = (next: number) => setQuery({ step: next > 0 ? String(next) : null });

  useEffect(() => {
    if (!playing) return undefined;
    if (n >= steps.length - 1) {
      setPlaying(false);
      return undefined;
    }
    const timer = window.setTimeout(() => to(n + 1), PLAY_MS);
    return () => window.clearTimeout(timer);
  }, [playing, n, steps.length]);

  if (failure) {
    const problems = failure instanceof ApiError ? failure.problems : [];
    return (
      <Notice kind="error" title="The pass cannot be shown.">
        <p>{words(failure)}</p>
        {problems.length > 1 ? <ul>{problems.map((p, i) => <li key={i}>{p.pointer} {p.detail}</li>)}</ul> : null}
      </Notice>
    );
  }
  const step = steps[n];
  if (!trace || !step) return <p class="quiet loading">Loading the pass…</p>;
  const chosen = parseChosen(route.query.get("w"), trace);
  const choose = (c: Chosen) => setQuery({ w: `${c.k}.${c.i}.${c.j}` });
  return (
    <div class="pass" data-step={n}>
      <Panel title="Row" aside={<RowPager at={at} total={total} />} class="pass-row">
        <RowLine model={model} row={row} trace={trace} />
      </Panel>
      <div class="columns columns-model">
        <Panel
          title={stepTitle(trace, step)}
          aside={<span class="quiet">step {n + 1} of {steps.length}</span>}
          class="pass-net"
        >
          <Stepper n={n} last={steps.length - 1} playing={playing} onPlay={setPlaying} onStep={to} />
          <Drawing trace={trace} steps={steps} n={n} chosen={chosen} onChoose={choose} />
          <Legend trace={trace} steps={steps} n={n} />
        </Panel>
        <div>
          <Panel title="In this step" class="pass-words">
            <StepWords trace={trace} step={step} chosen={chosen} />
          </Panel>
          <Panel title="One weight" class="pass-weight">
            <WeightChoice trace={trace} chosen={chosen} onChoose={choose} />
            <WeightWords trace={trace} chosen={chosen} rate={rateOf(model)} />
          </Panel>
        </div>
      </div>
    </div>
  );
}

function rateOf(model: Model): number | null {
  const rate = model.training?.optimizer?.learning_rate;
  return typeof rate === "number" ? rate : null;
}

function stepTitle(trace: Trace, step: Step): string {
  switch (step.kind) {
    case "inputs":
      return "The row as numbers";
    case "loss":
      return trace.loss ? "Output and loss" : "Output";
    case "forward":
      return `Forward: ${trace.layers[step.k]?.name ?? ""}`;
    case "backward":
      return `Backward: ${trace.layers[step.k]?.name ?? ""}`;
  }
}

function RowPager({ at, total }: { at: number; total: number }) {
  if (total === 0) return null;
  const to = (row: number) => setQuery({ row: row > 1 ? String(row) : null });
  return (
    <div class="pager">
      <button type="button" class="small" aria-disabled={at === 0} onClick={() => at > 0 && to(at)}>
        Row before
      </button>
      <label class="inline">
        <span class="sr-only">Row number</span>
        <input
          type="number"
          class="row-number"
          min={1}
          max={total}
          value={at + 1}
          onChange={(e) => to(Math.max(1, Math.min(total, Number(e.currentTarget.value) || 1)))}
        />
        <span>of {format.number(total, 12)}</span>
      </label>
      <button type="button" class="small" aria-disabled={at + 1 >= total} onClick={() => at + 1 < total && to(at + 2)}>
        Next row
      </button>
    </div>
  );
}

const CELLS = 12;

function RowLine({ model, row, trace }: { model: Model; row: Row | null; trace: Trace }) {
  const targets = new Set(model.target?.names ?? []);
  const cells = Object.entries(row ?? {}).filter(([name]) => !targets.has(name));
  const said = trace.prediction.label ?? (typeof trace.prediction.value === "number" ? format.number(trace.prediction.value, 6) : null);
  const truth = [...targets].map((name) => row?.[name]).filter((v) => v !== undefined && v !== null);
  return (
    <dl class="quantiles row-cells">
      {cells.slice(0, CELLS).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null ? <span class="quiet">missing</span> : typeof value === "number" ? format.number(value, 6) : value}</dd>
        </div>
      ))}
      {cells.length > CELLS ? (
        <div>
          <dt>and</dt>
          <dd>{cells.length - CELLS} more</dd>
        </div>
      ) : null}
      {truth.length > 0 ? (
        <div class="row-truth">
          <dt>truth</dt>
          <dd>{truth.map((v) => (typeof v === "number" ? format.number(v, 6) : v)).join(", ")}</dd>
        </div>
      ) : null}
      {said !== null ? (
        <div class="row-truth">
          <dt>the model says</dt>
          <dd>{said}</dd>
        </div>
      ) : null}
    </dl>
  );
}

function Stepper(props: {
  n: number;
  last: number;
  playing: boolean;
  onPlay: (playing: boolean) => void;
  onStep: (n: number) => void;
}) {
  const { n, last, playing } = props;
  const go = (to: number) => {
    props.onPlay(false);
    if (to >= 0 && to <= last) props.onStep(to);
  };
  return (
    <div class="stepper">
      <button type="button" aria-disabled={n === 0} onClick={() => go(n - 1)}>
        Back
      </button>
      <input
        type="range"
        aria-label="Step"
        min={0}
        max={last}
        value={n}
        onInput={(e) => go(Number(e.currentTarget.value))}
      />
      <button
        type="button"
        class="play"
        onClick={() => {
          if (!playing && n === last) props.onStep(0);
          props.onPlay(!playing);
        }}
      >
        {playing ? "Stop" : "Play"}
      </button>
      <button type="button" class="primary" aria-disabled={n === last} onClick={() => go(n + 1)}>
        Next
      </button>
    </div>
  );
}

// What is known at step n: up to which layer the row has come, and back to which its loss.
function reached(steps: Step[], n: number): { there: number; loss: boolean; back: number } {
  let there = -1;
  let loss = false;
  let back = Infinity;
  for (const step of steps.slice(0, n + 1)) {
    if (step.kind === "forward") there = step.k;
    else if (step.kind === "loss") loss = true;
    else if (step.kind === "backward") back = step.k;
  }
  return { there, loss, back };
}

const short = (x: number | null | undefined) => format.number(x, 3);

function Drawing(props: { trace: Trace; steps: Step[]; n: number; chosen: Chosen; onChoose: (c: Chosen) => void }) {
  const { trace, steps, n, chosen } = props;
  const { layers, inputs, output } = trace;
  const { there, loss, back } = reached(steps, n);
  const step = steps[n];
  const backwards = step?.kind === "backward";
  const told = step?.kind === "forward" || step?.kind === "backward" ? step.k : null;

  // Which nodes stand for a wide layer: those whose signal and gradient together count most.
  const drawn = [
    pick(inputs.a.map((a, i) => a * (inputs.delta?.[i] ?? 1)), MOST, chosen.k === 0 ? [chosen.i] : []),
    ...layers.map((layer, k) => {
      return pick(weightOf(layer), MOST, [focus(trace, k, chosen)]);
    }),
  ];
  const inputTone = tones(inputs.a);
  const columns: NetColumn[] = [
    {
      title: "inputs",
      note: format.number(inputs.size, 9),
      size: inputs.size,
      nodes: (drawn[0] ?? []).map((i) => ({
        index: i,
        name: inputs.names[i],
        lines: [["a", short(inputs.a[i])]],
        tone: inputTone(inputs.a[i] ?? 0),
        chosen: chosen.k === 0 && chosen.i === i,
      })),
    },
    ...layers.map((layer, k): NetColumn => {
      const last = k === layers.length - 1;
      const shows = k <= there;
      const values = last ? output.p : layer.a;
      const tone = tones(last && output.function === "identity" ? output.z : values);
      return {
        title: layer.name,
        note: `${format.number(layer.units, 9)} ${last ? output.function : layer.activation}`,
        size: layer.units,
        nodes: (drawn[k + 1] ?? []).map((j) => {
          const column = columnOf(layer, j);
          const lines: [string, string][] = [["z", shows ? short(layer.z[column]) : ""]];
          if (last) lines.push(["p", loss ? short(output.p[j]) : ""]);
          else lines.push(["a", shows ? short(layer.a[j]) : ""]);
          if (layer.delta) lines.push(["δ", k >= back ? short(layer.delta[column]) : ""]);
          return {
            index: j,
            name: last ? (output.names[j] ?? `${j + 1}`) : `unit ${j + 1}`,
            lines,
            tone: (last ? loss : shows) ? tone(values[j] ?? 0) : 0,
            dim: !shows,
            chosen:
              (k === chosen.k && j === chosen.j) ||
              (k + 1 === chosen.k && j === chosen.i) ||
              (k === told && j === focus(trace, k, chosen)),
          };
        }),
      };
    }),
  ];

  const links: NetLink[] = layers.flatMap((layer, k) => {
    const a = before(trace, k);
    const gradient = k >= back;
    const here = step !== undefined && (step.kind === "forward" || step.kind === "backward") && step.k === k;
    const found: Omit<NetLink, "tone">[] = [];
    (drawn[k] ?? []).forEach((i, from) =>
      (drawn[k + 1] ?? []).forEach((j, to) => {
        const column = columnOf(layer, j);
        const unit = trace.unit?.layer === k && trace.unit.unit === j ? trace.unit : null;
        const value = gradient
          ? (layer.dW?.[i]?.[column] ?? (a[i] ?? 0) * (layer.delta?.[column] ?? 0))
          : (layer.W?.[i]?.[column] ?? unit?.W[0]?.[i] ?? nextWeight(trace, k, i, j));
        if (value === undefined) return;
        const isChosen = chosen.k === k && chosen.i === i && chosen.j === j;
        found.push({ column: k, from, to, value, chosen: isChosen, dim: !here && (backwards ? !gradient : k > there) });
      }),
    );
    const tone = tones(found.map((l) => l.value));
    return found.map((l) => ({ ...l, tone: tone(l.value) }));
  });

  return (
    <Net
      columns={columns}
      links={links}
      card={{ width: 98, height: 64 }}
      label="The network with the numbers of this row"
      onNode={(c, index) => {
        if (c > 0) props.onChoose({ k: c - 1, i: busiest(trace, c - 1), j: index });
        else props.onChoose({ k: 0, i: index, j: chosen.k === 0 ? chosen.j : 0 });
      }}
      onLink={(c, i, j) => props.onChoose({ k: c, i, j })}
    />
  );
}

function nextWeight(trace: Trace, k: number, i: number, j: number): number | undefined {
  const next = trace.unit?.next;
  return next && next.layer === k && trace.unit?.unit === i ? next.W[j] : undefined;
}

function busiest(trace: Trace, k: number): number {
  return largest(before(trace, k));
}

function Legend({ trace, steps, n }: { trace: Trace; steps: Step[]; n: number }) {
  const backwards = steps[n]?.kind === "backward";
  const some = trace.layers.some((l) => l.units > MOST) || trace.inputs.size > MOST;
  return (
    <p class="legend">
      <span class="swatch swatch-plus" aria-hidden="true" /> positive{" "}
      <span class="swatch swatch-minus" aria-hidden="true" /> negative; links are{" "}
      {backwards ? "gradients where the loss has come back, else weights" : "weights"}, wide where they are large in their layer.
      Click a link to choose it.{" "}
      {some ? "Of wide layers the units are drawn that count most for this row." : ""}
    </p>
  );
}

function WeightChoice({ trace, chosen, onChoose }: { trace: Trace; chosen: Chosen; onChoose: (c: Chosen) => void }) {
  const layer = trace.layers[chosen.k];
  if (!layer) return null;
  return (
    <div class="weight-choice">
      <div class="field">
        <label for="weight-layer">Layer</label>
        <select
          id="weight-layer"
          value={String(chosen.k)}
          onChange={(e) => {
            const k = Number(e.currentTarget.value);
            const next = trace.layers[k];
            onChoose({ k, i: busiest(trace, k), j: largest((next?.delta ?? next?.a ?? []).slice(0, next?.units ?? 0)) });
          }}
        >
          {trace.layers.map((l, k) => (
            <option key={k} value={String(k)}>
              {l.name}
            </option>
          ))}
        </select>
      </div>
      <IndexChoice
        label="From"
        value={chosen.i}
        count={layer.inputs}
        name={(i) => (chosen.k === 0 ? inputName(trace, 0, i) : `unit ${i + 1}`)}
        onChange={(i) => onChoose({ ...chosen, i })}
      />
      <IndexChoice
        label="To"
        value={chosen.j}
        count={layer.units}
        name={(j) => (chosen.k === trace.layers.length - 1 ? (trace.output.names[j] ?? "") : "") || `unit ${j + 1}`}
        onChange={(j) => onChoose({ ...chosen, j })}
      />
    </div>
  );
}

const LISTED = 100; // above, a number in place of a list

function IndexChoice(props: {
  label: string;
  value: number;
  count: number;
  name: (i: number) => string;
  onChange: (i: number) => void;
}) {
  const { label, value, count, name, onChange } = props;
  const id = `weight-${label.toLowerCase()}`;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {count > LISTED ? `, 1 to ${format.number(count, 9)}` : ""}
      </label>
      {count <= LISTED ? (
        <select id={id} value={String(value)} onChange={(e) => onChange(Number(e.currentTarget.value))}>
          {Array.from({ length: count }, (_, i) => (
            <option key={i} value={String(i)}>
              {name(i)}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="number"
          min={1}
          max={count}
          value={value + 1}
          onChange={(e) => onChange(Math.max(0, Math.min(count - 1, (Number(e.currentTarget.value) || 1) - 1)))}
        />
      )}
    </div>
  );
}
