// A model's network, drawn with its weights.

import * as format from "../format";
import { Net, tones, type NetColumn, type NetLink } from "../net";
import { Panel } from "../parts";
import { useResource } from "../poll";
import { pick } from "../trace";
import type { Layer, Model } from "../types";

const MOST = 14; // units of a layer that are drawn
const DRAWN = 120000; // parameters up to which weights are fetched

interface Weights {
  inputs?: string[];
  layers: { weights: number[][]; bias?: number[] }[];
}

export function NetworkPanel({ model }: { model: Model }) {
  return (
    <Panel title="Network" class="network">
      {(model.parameters ?? 0) <= DRAWN ? <Drawn model={model} /> : <Sketched model={model} />}
    </Panel>
  );
}

function layerWords(model: Model, k: number): { title: string; note: string } {
  const a = model.architecture;
  const hidden = a?.hidden ?? [];
  const layer = hidden[k];
  if (layer) return { title: `hidden ${k + 1}`, note: `${format.number(layer.units, 9)} ${layer.activation ?? ""}` };
  return { title: "output", note: `${format.number(a?.outputs, 9)} ${a?.output ?? ""}` };
}

function outputName(model: Model, j: number, outputs: number): string | undefined {
  if (model.classes) return outputs === 1 ? model.classes[1] : model.classes[j];
  return model.target?.names?.[j];
}

// One number a unit: of the pieces of a maxout unit the strongest.
function folded(row: number[], units: number): number[] {
  if (row.length === units) return row;
  return Array.from({ length: units }, (_, j) => {
    let most = 0;
    for (let q = j; q < row.length; q += units) if (Math.abs(row[q] ?? 0) > Math.abs(most)) most = row[q] ?? 0;
    return most;
  });
}

function Drawn({ model }: { model: Model }) {
  const { data, error } = useResource<Weights>(`/models/${model.id}/weights`, () => model.state === "ready");
  if (error) return <Sketched model={model} />;
  if (!data) return <p class="quiet loading">Loading the weights…</p>;
  const sizes = [data.layers[0]?.weights.length ?? 0, ...data.layers.map((_, k) => unitsOf(model, k))];
  const weights = data.layers.map((layer, k) => layer.weights.map((row) => folded(row, sizes[k + 1] ?? row.length)));
  const strength = sizes.map((n, c) => {
    const sums = new Array<number>(n).fill(0);
    weights[c]?.forEach((row, i) => row.forEach((w) => (sums[i] = (sums[i] ?? 0) + w * w)));
    weights[c - 1]?.forEach((row) => row.forEach((w, j) => (sums[j] = (sums[j] ?? 0) + w * w)));
    return sums;
  });
  const drawn = strength.map((sums) => pick(sums, MOST, []));
  const columns: NetColumn[] = drawn.map((nodes, c) => {
    const words = c === 0 ? { title: "inputs", note: format.number(sizes[0], 9) } : layerWords(model, c - 1);
    const given = data.layers[c - 1]?.bias;
    const bias = given ? folded(given, sizes[c] ?? 0) : undefined;
    const tone = tones(bias ?? []);
    return {
      ...words,
      size: sizes[c] ?? 0,
      nodes: nodes.map((i) => ({
        index: i,
        name: c === 0 ? (data.inputs?.[i] ?? `input ${i + 1}`) : c === drawn.length - 1 ? outputName(model, i, sizes[c] ?? 0) : `unit ${i + 1}`,
        lines: c === 0 || !bias ? [] : ([["b", format.number(bias[i], 3)]] as [string, string][]),
        tone: bias ? tone(bias[i] ?? 0) : 0,
      })),
    };
  });
  const links: NetLink[] = weights.flatMap((w, c) => {
    const found = (drawn[c] ?? []).flatMap((i, from) =>
      (drawn[c + 1] ?? []).map((j, to) => ({ column: c, from, to, value: w[i]?.[j] ?? 0 })),
    );
    const tone = tones(found.map((l) => l.value));
    return found.map((l) => ({ ...l, tone: tone(l.value) }));
  });
  const some = sizes.some((n) => n > MOST);
  return (
    <>
      <Net columns={columns} links={links} card={{ width: 96, height: 34 }} label="The network and its weights" />
      <Parameters model={model} sizes={sizes} />
      <p class="legend">
        <span class="swatch swatch-plus" aria-hidden="true" /> positive <span class="swatch swatch-minus" aria-hidden="true" />{" "}
        negative; a link is as wide as its weight is large in its layer; b is the bias.
        {model.architecture?.hidden?.some((l) => l.pieces) ? " Of a maxout unit's pieces the strongest is drawn." : ""}
        {some ? ` Of wide layers the ${MOST} units with the strongest weights are drawn.` : ""}
      </p>
    </>
  );
}

function unitsOf(model: Model, k: number): number {
  return model.architecture?.hidden?.[k]?.units ?? model.architecture?.outputs ?? 0;
}

// What the drawing cannot show of a layer.
function extras(layer: Layer | undefined): string[] {
  if (!layer) return [];
  return [
    layer.batch_norm ? "batch norm" : "",
    layer.layer_norm ? "layer norm" : "",
    layer.residual ? "residual: what comes in is added" : "",
    layer.dropout ? `dropout ${format.number(layer.dropout)}` : "",
    layer.gaussian_noise ? `noise ${format.number(layer.gaussian_noise)}` : "",
  ].filter((words) => words !== "");
}

function Parameters({ model, sizes }: { model: Model; sizes: number[] }) {
  const a = model.architecture;
  const tables = (a?.embeddings ?? []).map((e) => `${e.feature}: embedding of ${format.number(e.levels, 9)} × ${format.number(e.width, 9)}`);
  const layers = sizes.slice(1).map((units, k) => {
    const layer = a?.hidden?.[k];
    const pieces = layer?.pieces ? ` × ${format.number(layer.pieces)} pieces` : "";
    const weights = `${format.number(sizes[k], 9)} × ${format.number(units, 9)}${pieces} weights`;
    return [`${layerWords(model, k).title}: ${weights}`, ...extras(layer)].join(", ");
  });
  const inputs = extras({ units: 0, dropout: a?.input_dropout, gaussian_noise: a?.input_noise });
  return (
    <p class="legend">
      {[...tables, ...(inputs.length > 0 ? [`inputs: ${inputs.join(", ")}`] : []), ...layers].join(" · ")};{" "}
      {format.count(model.parameters, "parameter")} in all.
    </p>
  );
}

// Too large to draw each weight: the layers alone.
function Sketched({ model }: { model: Model }) {
  const a = model.architecture;
  const sizes = [a?.inputs ?? 0, ...(a?.hidden ?? []).map((l) => l.units), a?.outputs ?? 0];
  // Which numbers a column becomes is told with the weights alone.
  const names = model.features?.length === a?.inputs ? (model.features ?? []).map((f) => f.name) : [];
  const columns: NetColumn[] = sizes.map((n, c) => ({
    ...(c === 0 ? { title: "inputs", note: format.number(n, 9) } : layerWords(model, c - 1)),
    size: n,
    nodes: Array.from({ length: Math.min(n, 8) }, (_, i) => ({
      index: i, lines: [], tone: 0,
      name: c === 0 ? (names[i] ?? `input ${i + 1}`) : c === sizes.length - 1 ? outputName(model, i, n) : `unit ${i + 1}`,
    })),
  }));
  const links: NetLink[] = columns.slice(1).flatMap((to, c) =>
    (columns[c]?.nodes ?? []).flatMap((_, from) =>
      to.nodes.map((_node, j) => ({ column: c, from, to: j, value: 0, tone: 0.15 })),
    ),
  );
  return (
    <>
      <Net columns={columns} links={links} card={{ width: 90, height: 22 }} label="The layers of the network" />
      <Parameters model={model} sizes={sizes} />
      <p class="legend">It is too large to draw with its weights; how they are spread is below.</p>
    </>
  );
}
