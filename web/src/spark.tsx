// A job's curve at the size of a word, for lists: an SVG, so that hundreds of them cost little.

const WIDTH = 96;
const HEIGHT = 26;

// On a log scale where all are positive: a good training is a falling line, not a corner.
export function Spark({ values, of }: { values: (number | null)[]; of?: string | undefined }) {
  const known = values.filter((v): v is number => v !== null);
  if (known.length < 2) return null;
  const log = known.every((v) => v > 0);
  const scale = (v: number) => (log ? Math.log(v) : v);
  const [low, high] = [Math.min(...known.map(scale)), Math.max(...known.map(scale))];
  let pen = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const x = 1 + ((WIDTH - 2) * i) / (values.length - 1);
    const y = 2 + (HEIGHT - 4) * (1 - (scale(value) - low) / (high - low || 1));
    pen += `${pen === "" ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path class={of === "training_loss" ? "spark-training" : "spark-validation"} d={pen} />
    </svg>
  );
}
