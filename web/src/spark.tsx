// A job's curve at the size of a word, for lists: an SVG, so that a hundred of them cost little.

import { useResource } from "./poll";
import type { Curve, Point } from "./types";

const WIDTH = 96;
const HEIGHT = 26;
const POINTS = 48;

// On a log scale where all are positive: a good training is a falling line, not a corner.
function path(values: (number | null | undefined)[], epochs: number[], low: number, high: number): string {
  const first = epochs[0] ?? 0;
  const span = Math.max(1, (epochs[epochs.length - 1] ?? 0) - first);
  const height = high - low || 1;
  let pen = "";
  values.forEach((value, i) => {
    if (value === null || value === undefined) return;
    const x = 1 + ((WIDTH - 2) * ((epochs[i] ?? 0) - first)) / span;
    const y = 2 + (HEIGHT - 4) * (1 - (value - low) / height);
    pen += `${pen === "" ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return pen;
}

export function Spark({ points }: { points: Point[] }) {
  if (points.length < 2) return null;
  const epochs = points.map((p) => p.epoch);
  const losses = [points.map((p) => p.training_loss), points.map((p) => p.validation_loss)];
  const known = losses.flat().filter((x): x is number => typeof x === "number");
  if (known.length < 2) return null;
  const log = known.every((x) => x > 0);
  const scale = (x: number | null | undefined) => (typeof x === "number" ? (log ? Math.log(x) : x) : null);
  const scaled = known.map((x) => scale(x) ?? 0);
  const [low, high] = [Math.min(...scaled), Math.max(...scaled)];
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path class="spark-validation" d={path((losses[1] ?? []).map(scale), epochs, low, high)} />
      <path class="spark-training" d={path((losses[0] ?? []).map(scale), epochs, low, high)} />
    </svg>
  );
}

export function JobSpark({ id, seen }: { id: number; seen: boolean }) {
  const { data } = useResource<Curve>(
    seen ? `/jobs/${id}/curve?max_points=${POINTS}` : null,
    (curve) => curve.complete === true,
  );
  return <Spark points={data?.points ?? []} />;
}
