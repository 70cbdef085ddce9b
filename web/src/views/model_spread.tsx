// How a model's numbers are spread: a histogram of each layer's weights, biases and what else it learnt.

import * as format from "../format";
import { Panel } from "../parts";
import { useResource } from "../poll";
import { setQuery, type Route } from "../route";
import type { Model } from "../types";

interface Part {
  name: string;
  shape: number[];
  count: number;
  zeros: number;
  not_finite: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  edges: number[];
  counts: number[];
}

interface Histograms {
  stride: number;
  layers: { name: string; parts: Part[] }[];
  embeddings: { feature: string; parts: Part[] }[];
  input_scale: Part | null;
}

const SHOWN = 12; // histograms, until all are asked for
const W = 180;
const H = 54;

export function WeightsSpread({ model, route }: { model: Model; route: Route }) {
  const { data } = useResource<Histograms>(`/models/${model.id}/histograms`, () => model.state === "ready");
  if (!data) return null;
  const parts: [of: string, part: Part][] = [
    ...data.layers.flatMap((layer) => layer.parts.map((part): [string, Part] => [layer.name, part])),
    ...data.embeddings.flatMap((table) => table.parts.map((part): [string, Part] => [table.feature, { ...part, name: "embedding" }])),
    ...(data.input_scale ? [["inputs", data.input_scale] as [string, Part]] : []),
  ];
  const all = route.query.get("spread") === "all" || parts.length <= SHOWN;
  return (
    <Panel title="Weights and biases">
      <div class="parts">
        {(all ? parts : parts.slice(0, SHOWN)).map(([of, part]) => (
          <PartHistogram key={`${of} ${part.name}`} of={of} part={part} />
        ))}
      </div>
      {parts.length > SHOWN ? (
        <p class="more">
          <button type="button" onClick={() => setQuery({ spread: all ? null : "all" })}>
            {all ? "Show fewer" : `Show all ${parts.length}`}
          </button>
        </p>
      ) : null}
      {data.stride > 1 ? <p class="legend">So large a network is looked at by every {format.number(data.stride)}th number.</p> : null}
    </Panel>
  );
}

function PartHistogram({ of, part }: { of: string; part: Part }) {
  const most = Math.max(1, ...part.counts);
  const step = W / Math.max(1, part.counts.length);
  const low = part.edges[0] ?? 0;
  const high = part.edges[part.edges.length - 1] ?? 0;
  const zero = low < 0 && high > 0 ? (-low / (high - low)) * W : null;
  const name = part.name.replace(/_/g, " ");
  const ends = `${format.number(part.min, 3)} to ${format.number(part.max, 3)}`;
  const odd = [
    part.zeros > 0 ? `${format.number(part.zeros, 9)} of them 0` : "",
    part.not_finite > 0 ? `${format.number(part.not_finite, 9)} not finite` : "",
  ].filter((words) => words !== "");
  return (
    <figure class="part">
      <figcaption>
        <b>{of}</b> {name} <span class="quiet nowrap">{part.shape.map((n) => format.number(n, 9)).join(" × ")}</span>
      </figcaption>
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`${of}, ${name}: ${ends}`} preserveAspectRatio="none">
        {part.counts.map((n, i) => {
          const height = n === 0 ? 0 : Math.max(1, (n / most) * H);
          return (
            <rect key={i} x={i * step} y={H - height} width={Math.max(0.5, step - 0.6)} height={height}>
              <title>{`${format.number(part.edges[i], 3)} to ${format.number(part.edges[i + 1], 3)}: ${format.number(n, 9)}`}</title>
            </rect>
          );
        })}
        {zero === null ? null : <line class="xy-zero" x1={zero} x2={zero} y1={0} y2={H} />}
      </svg>
      <p class="part-ends">
        <span>{format.number(part.min, 3)}</span>
        <span>{format.number(part.max, 3)}</span>
      </p>
      <p class="part-facts">
        mean {format.number(part.mean, 2)} ± {format.number(part.std, 2)}
        {odd.length > 0 ? `, ${odd.join(", ")}` : ""}
      </p>
    </figure>
  );
}
