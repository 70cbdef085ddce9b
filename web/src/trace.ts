// One row's way through a network and back, as POST /models/{id}/trace answers it, and what the
// page reads out of it.

export interface TraceLayer {
  index: number;
  name: string;
  stages: string[];
  left_out?: string[];
  activation: string;
  inputs: number;
  units: number;
  pieces?: number;
  shown: number;
  z: number[];
  y: number[] | null;
  h: number[] | null;
  a: number[];
  derivative: number[];
  delta_a: number[] | null;
  delta_y: number[] | null;
  delta: number[] | null;
  b: number[] | null;
  db: number[] | null;
  W: number[][] | null;
  dW: number[][] | null;
}

export interface Trace {
  model_id: number;
  state?: string;
  epoch?: number;
  inputs: {
    size: number;
    shown: number;
    names: string[];
    features: string[];
    x: number[];
    a: number[];
    delta: number[] | null;
  };
  layers: TraceLayer[];
  unit: null | {
    layer: number;
    unit: number;
    from: number;
    shown: number;
    W: number[][];
    dW: number[][] | null;
    next: null | { layer: number; W: number[]; delta: number[] | null };
  };
  output: { function: string; temperature: number; offset: number; z: number[]; p: number[]; names: string[] };
  prediction: { label?: string; value?: number };
  loss: null | {
    name: string;
    value: number;
    truth: { label?: string; values?: Record<string, number> };
    target: number[];
  };
}

// Layer k's weight from input i to unit j.
export interface Chosen {
  k: number;
  i: number;
  j: number;
}

export type Step = { kind: "inputs" } | { kind: "forward"; k: number } | { kind: "loss" } | { kind: "backward"; k: number };

export function stepsOf(trace: Trace): Step[] {
  const there = trace.layers.map((_, k): Step => ({ kind: "forward", k }));
  const back = trace.loss ? trace.layers.map((_, k): Step => ({ kind: "backward", k })).reverse() : [];
  return [{ kind: "inputs" }, ...there, { kind: "loss" }, ...back];
}

// What layer k multiplies.
export function before(trace: Trace, k: number): number[] {
  return k === 0 ? trace.inputs.a : (trace.layers[k - 1]?.a ?? []);
}

// Unit j's column in z, y, delta and b: with maxout that of the piece that won.
export function columnOf(layer: TraceLayer, j: number): number {
  const pieces = layer.pieces ?? 1;
  if (pieces === 1) return j;
  for (let q = 0; q < pieces; q++) if (layer.derivative[q * layer.units + j]) return q * layer.units + j;
  return j;
}

export function largest(values: number[]): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i] ?? 0) > Math.abs(values[at] ?? 0)) at = i;
  return at;
}

// Unit j's incoming weights of layer k; null while they are not there.
export function incoming(trace: Trace, k: number, j: number): number[] | null {
  const layer = trace.layers[k];
  if (!layer) return null;
  const column = columnOf(layer, j);
  if (layer.W) return layer.W.map((row) => row[column] ?? 0);
  const { unit } = trace;
  if (unit?.layer !== k || unit.unit !== j || unit.from !== 0) return null;
  return unit.W[Math.floor(column / layer.units)] ?? null;
}

// What comes back to unit j of layer k: the weights that lead on from it, and the deltas there.
export function outgoing(trace: Trace, k: number, j: number): { w: number[]; delta: number[] } | null {
  const next = trace.layers[k + 1];
  if (!next?.delta) return null;
  const row = next.W?.[j];
  if (row) return { w: row, delta: next.delta };
  const { unit } = trace;
  if (unit?.layer !== k || unit.unit !== j || !unit.next?.delta) return null;
  return { w: unit.next.W, delta: unit.next.delta };
}

// The most of a layer that is drawn: those that count most, in their order, `must` among them.
export function pick(weight: number[], most: number, must: number[]): number[] {
  const all = weight.map((_, i) => i);
  if (all.length <= most) return all;
  const held = must.filter((i) => i < all.length);
  const rest = all
    .filter((i) => !held.includes(i))
    .sort((a, b) => Math.abs(weight[b] ?? 0) - Math.abs(weight[a] ?? 0))
    .slice(0, most - held.length);
  return [...held, ...rest].sort((a, b) => a - b);
}

// The unit of layer k that is told of: one that the chosen weight leads to or comes from, else the
// one where most happens.
export function focus(trace: Trace, k: number, chosen: Chosen): number {
  if (chosen.k === k) return chosen.j;
  if (chosen.k === k + 1) return chosen.i;
  const layer = trace.layers[k];
  return layer ? largest(weightOf(layer)) : 0;
}

// How much a layer's units count for this row: what they say, times what the loss makes of it.
export function weightOf(layer: TraceLayer): number[] {
  return layer.a.map((a, j) => (Math.abs(a) + 1e-3) * (layer.delta?.[columnOf(layer, j)] ?? 1));
}

// A weight to begin with: of the first layer, from the input and to the unit where most happens.
export function firstChoice(trace: Trace): Chosen {
  const layer = trace.layers[0];
  const j = largest((layer?.delta ?? layer?.a ?? []).slice(0, layer?.units ?? 0));
  return { k: 0, i: largest(trace.inputs.a), j };
}

export function parseChosen(text: string | null, trace: Trace): Chosen {
  const [k = -1, i = -1, j = -1] = (text ?? "").split(".").map(Number);
  const layer = trace.layers[k];
  if (!layer || !(i >= 0 && i < layer.inputs) || !(j >= 0 && j < layer.units)) return firstChoice(trace);
  return { k, i, j };
}
