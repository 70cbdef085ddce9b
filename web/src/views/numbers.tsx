// How good a model of numbers is: predicted against true, and what it is off by.

import * as format from "../format";
import { Panel } from "../parts";
import { Plot, span } from "../plots";

export interface TargetResult {
  target: string;
  sample: { true: number | null; predicted: number | null }[];
  residuals: {
    edges: (number | null)[];
    counts: number[];
    mean?: number | null;
    std?: number | null;
    min?: number | null;
    max?: number | null;
  };
}

export function Numbers({ targets, rows }: { targets: TargetResult[]; rows: number }) {
  return (
    <>
      {targets.map((t) => (
        <Target key={t.target} of={t} rows={rows} />
      ))}
    </>
  );
}

function Target({ of: t, rows }: { of: TargetResult; rows: number }) {
  const points = t.sample.flatMap((p) => (p.true === null || p.predicted === null ? [] : [{ x: p.true, y: p.predicted }]));
  const axis = span(points.flatMap((p) => [p.x, p.y]), "");
  const r = t.residuals;
  const edges = r.edges.map((e) => e ?? 0);
  const low = edges[0] ?? 0;
  const high = edges[edges.length - 1] ?? 1;
  return (
    <Panel title={t.target} class="numbers-panel">
      <div class="plots">
        <figure>
          <figcaption>
            Predicted against true{" "}
            <span class="quiet">
              {points.length < rows ? `${format.number(points.length)} of ` : ""}
              {format.count(rows, "row")}
            </span>
          </figcaption>
          <Plot x={{ ...axis, label: "true" }} y={{ ...axis, label: "predicted" }} label={`Predicted against true ${t.target}`}>
            {(at) => (
              <>
                <line class="xy-chance" x1={at.x(axis.min)} y1={at.y(axis.min)} x2={at.x(axis.max)} y2={at.y(axis.max)} />
                {points.map((p, i) => (
                  <circle class="xy-dot" key={i} cx={at.x(p.x)} cy={at.y(p.y)} r={2.6}>
                    <title>{`true ${format.number(p.x)}, predicted ${format.number(p.y)}`}</title>
                  </circle>
                ))}
              </>
            )}
          </Plot>
        </figure>
        <figure>
          <figcaption>
            Residuals{" "}
            <span class="quiet">
              {typeof r.mean === "number" ? `mean ${format.number(r.mean, 3)}, deviation ${format.number(r.std, 3)}, ${format.number(r.min, 3)} to ${format.number(r.max, 3)}` : "predicted less true"}
            </span>
          </figcaption>
          <Plot
            x={{ min: low, max: high, label: "predicted less true" }}
            y={{ min: 0, max: Math.max(1, ...r.counts) * 1.05, label: "rows" }}
            label={`Residuals of ${t.target}`}
          >
            {(at) => (
              <>
                {r.counts.map((n, i) => {
                  const x = at.x(edges[i] ?? 0);
                  return (
                    <rect
                      class="xy-bar"
                      key={i}
                      x={x + 0.5}
                      y={at.y(n)}
                      width={Math.max(0.5, at.x(edges[i + 1] ?? 0) - x - 1)}
                      height={Math.max(0, at.y(0) - at.y(n))}
                    >
                      <title>{`${format.number(edges[i])} to ${format.number(edges[i + 1])}: ${format.number(n, 9)}`}</title>
                    </rect>
                  );
                })}
                {low < 0 && high > 0 ? <line class="xy-zero" x1={at.x(0)} x2={at.x(0)} y1={at.y(0)} y2={at.y(Math.max(1, ...r.counts))} /> : null}
              </>
            )}
          </Plot>
        </figure>
      </div>
    </Panel>
  );
}
