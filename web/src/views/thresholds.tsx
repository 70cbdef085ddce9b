// ROC and precision against recall of one class, with a threshold that moves along both.

import type { ComponentChildren } from "preact";
import * as format from "../format";
import { Panel } from "../parts";
import { path, Plot } from "../plots";
import { setQuery, type Route } from "../route";

interface RocPoint {
  threshold: number | null;
  fpr: number;
  tpr: number;
}

interface PrPoint {
  threshold: number | null;
  recall: number;
  precision: number;
}

interface Counts {
  tp: number;
  fp: number;
  tn: number;
  fn: number;
}

export interface ClassCurves {
  roc?: { auc: number | null; points: RocPoint[] } | null;
  precision_recall?: { average_precision: number | null; points: PrPoint[] } | null;
  thresholds?: { points: Counts[] } | null; // of the same points as `roc`
}

// The last point at which so much is asked: what is called positive from this probability on.
function pointAt(points: RocPoint[], threshold: number): number {
  let at = 0;
  for (const [i, p] of points.entries()) if (p.threshold !== null && p.threshold >= threshold) at = i;
  return at;
}

// Right and wrong at a point; models that an older mlpd measured have only its rates.
function countsAt(of: ClassCurves, n: number, support: number, rows: number): Counts {
  const counts = of.thresholds?.points[n];
  if (counts) return counts;
  const tp = Math.round((of.roc?.points[n]?.tpr ?? 0) * support);
  const fp = Math.round((of.roc?.points[n]?.fpr ?? 0) * (rows - support));
  return { tp, fp, fn: support - tp, tn: rows - support - fp };
}

const UNIT = { min: 0, max: 1 };

export function Curves(props: {
  of: ClassCurves;
  label: string;
  support: number; // rows of the class
  rows: number;
  inUse: number | null; // the threshold that predictions use
  route: Route;
  choice?: ComponentChildren;
}) {
  const { of, label, support, rows, inUse, route } = props;
  const points = of.roc?.points ?? [];
  if (points.length === 0) return null;
  const asked = route.query.get("at");
  const start = inUse ?? 0.5;
  const threshold = asked === null || Number.isNaN(Number(asked)) ? start : Number(asked);
  const n = pointAt(points, threshold);
  const point = points[n];
  if (!point) return null;
  const { tp, fp, tn, fn } = countsAt(of, n, support, rows);
  const positives = tp + fn;
  const precision = tp + fp > 0 ? tp / (tp + fp) : null;
  const f1 = precision === null ? null : (2 * tp) / (2 * tp + fp + fn);
  const facts: [string, string, string?][] = [
    ["Threshold", asked === null ? format.number(start) : format.number(threshold)],
    ["Found", `${format.number(tp, 9)} of ${format.number(positives, 9)}`, `recall ${format.percent(point.tpr)}`],
    ["False alarms", `${format.number(fp, 9)} of ${format.number(fp + tn, 9)}`, format.percent(point.fpr)],
    ["Precision", precision === null ? format.NONE : format.percent(precision)],
    ["F1", f1 === null ? format.NONE : format.percent(f1)],
    ["Accuracy", rows > 0 ? format.percent((tp + tn) / rows) : format.NONE],
  ];
  const pr = of.precision_recall?.points ?? [];
  return (
    <Panel title={<>Thresholds for “{label}”</>} aside={props.choice} class="curves">
      <label class="threshold">
        <span>Say “{label}” from this probability on</span>
        <input
          type="range"
          min={0}
          max={points.length - 1}
          value={n}
          aria-valuetext={`${format.number(point.threshold)}: recall ${format.percent(point.tpr)}`}
          onInput={(e) => {
            const to = points[Number(e.currentTarget.value)];
            setQuery({ at: String(to?.threshold ?? 1) });
          }}
        />
        {inUse !== null && asked !== null ? (
          <button type="button" class="small" onClick={() => setQuery({ at: null })}>
            The one in use
          </button>
        ) : null}
      </label>
      <dl class="quantiles">
        {facts.map(([key, value, note]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              {value} {note ? <span class="quiet">{note}</span> : null}
            </dd>
          </div>
        ))}
      </dl>
      <div class="plots">
        <figure>
          <figcaption>
            ROC, area <b>{format.loss(of.roc?.auc)}</b>
          </figcaption>
          <Plot x={{ ...UNIT, label: "false alarms" }} y={{ ...UNIT, label: "found" }} label={`ROC curve of ${label}`}>
            {(at) => (
              <>
                <line class="xy-chance" x1={at.x(0)} y1={at.y(0)} x2={at.x(1)} y2={at.y(1)} />
                <path class="xy-line" d={path(points.map((p) => [p.fpr, p.tpr]), at)} />
                <circle class="xy-mark" cx={at.x(point.fpr)} cy={at.y(point.tpr)} r={5.5} />
              </>
            )}
          </Plot>
        </figure>
        {pr.length > 0 ? (
          <figure>
            <figcaption>
              Precision against recall, average <b>{format.loss(of.precision_recall?.average_precision)}</b>
            </figcaption>
            <Plot x={{ ...UNIT, label: "recall" }} y={{ ...UNIT, label: "precision" }} label={`Precision against recall of ${label}`}>
              {(at) => (
                <>
                  <line
                    class="xy-chance"
                    x1={at.x(0)} x2={at.x(1)}
                    y1={at.y(rows > 0 ? positives / rows : 0)} y2={at.y(rows > 0 ? positives / rows : 0)}
                  />
                  <path class="xy-line" d={path(pr.map((p) => [p.recall, p.precision]), at)} />
                  {precision === null ? null : <circle class="xy-mark" cx={at.x(point.tpr)} cy={at.y(precision)} r={5.5} />}
                </>
              )}
            </Plot>
          </figure>
        ) : null}
      </div>
    </Panel>
  );
}
