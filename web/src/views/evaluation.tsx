// How good a model is, measured on one split: matrix, curves and classes, or predicted against true.

import * as format from "../format";
import { Choice, Missing, Panel } from "../parts";
import { useResource } from "../poll";
import { setQuery, type Route } from "../route";
import type { Model } from "../types";
import { Curves, type ClassCurves } from "./thresholds";
import { MetricsTable, SPLITS } from "./metrics";
import { Numbers, type TargetResult } from "./numbers";

interface ClassResult extends ClassCurves {
  label: string;
  precision: number | null;
  recall: number | null;
  f1: number | null;
  support: number;
  predicted?: number;
}

interface Evaluation extends ClassCurves {
  split: string;
  rows: number;
  type: string;
  labels?: string[];
  confusion_matrix?: number[][] | null;
  per_class?: ClassResult[];
  positive?: string;
  threshold?: number;
  targets?: TargetResult[];
}

export function EvaluationView({ model, route }: { model: Model; route: Route }) {
  const there = model.splits ?? Object.keys(model.metrics ?? {});
  const splits = SPLITS.filter((split) => there.includes(split));
  const asked = route.query.get("split");
  const split = asked && splits.includes(asked) ? asked : splits[0];
  if (!split) return <p class="quiet">It is measured when its training has ended.</p>;
  return (
    <>
      <div class="controls">
        <Choice
          label="Rows"
          value={split}
          options={splits.map((name) => [name, `${name} rows`])}
          onChange={(value) => setQuery({ split: value === splits[0] ? null : value })}
        />
      </div>
      <Split key={split} model={model} split={split} route={route} />
    </>
  );
}

function Split({ model, split, route }: { model: Model; split: string; route: Route }) {
  const { data, error } = useResource<Evaluation>(`/models/${model.id}/evaluation?split=${split}`, () => true);
  const metrics = model.metrics?.[split];
  const table = metrics ? (
    <Panel title="Metrics" class="split-metrics">
      <MetricsTable metrics={{ [split]: metrics }} />
    </Panel>
  ) : null;
  if (!data) return error?.status === 404 ? table : <Missing error={error} what="the evaluation" />;
  if (data.targets) {
    return (
      <>
        <Numbers targets={data.targets} rows={data.rows} />
        {table}
      </>
    );
  }
  return (
    <>
      <div class="columns">
        <div>{table}</div>
        <Matrix evaluation={data} />
      </div>
      <CurvesOf evaluation={data} route={route} />
      <Classes evaluation={data} />
    </>
  );
}

// Two classes have one pair of curves, more have one a class.
function CurvesOf({ evaluation, route }: { evaluation: Evaluation; route: Route }) {
  const { roc, positive, per_class: classes = [] } = evaluation;
  if (roc) {
    const support = classes.find((c) => c.label === positive)?.support ?? 0;
    return (
      <Curves
        of={evaluation}
        label={positive ?? ""}
        support={support}
        rows={evaluation.rows}
        inUse={evaluation.threshold ?? 0.5}
        route={route}
      />
    );
  }
  const withCurves = classes.filter((c) => c.roc);
  const chosen = withCurves.find((c) => c.label === route.query.get("class")) ?? withCurves[0];
  if (!chosen) return null;
  return (
    <Curves
      of={chosen}
      label={chosen.label}
      support={chosen.support}
      rows={evaluation.rows}
      inUse={null}
      route={route}
      choice={
        <label class="inline">
          <span>Class</span>
          <select value={chosen.label} onChange={(e) => setQuery({ class: e.currentTarget.value, at: null })}>
            {withCurves.map((c) => (
              <option key={c.label} value={c.label}>
                {c.label}
              </option>
            ))}
          </select>
        </label>
      }
    />
  );
}

const WIDE = 30; // classes of a matrix that can be looked at

function Matrix({ evaluation }: { evaluation: Evaluation }) {
  const { confusion_matrix: matrix, labels = [] } = evaluation;
  if (!matrix) return null;
  if (matrix.length > WIDE)
    return (
      <Panel title="What it took for what">
        <p class="quiet">Of {format.count(matrix.length, "class", "classes")} there is no room for a matrix.</p>
      </Panel>
    );
  return (
    <Panel title="What it took for what" class="confusion">
      <div class="scroll" tabIndex={0} role="group" aria-label="Confusion matrix">
        <table class={matrix.length > 8 ? "matrix matrix-small" : "matrix"}>
          <caption class="sr-only">Confusion matrix: a row for each true class, a column for each predicted one</caption>
          <thead>
            <tr>
              <td />
              <th scope="colgroup" colSpan={matrix.length} class="axis">
                predicted
              </th>
            </tr>
            <tr>
              <th scope="col" class="axis axis-true">
                true
              </th>
              {labels.map((label) => (
                <th scope="col" key={label} title={label}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.map((row, i) => {
              const all = row.reduce((sum, n) => sum + n, 0);
              return (
                <tr key={labels[i]}>
                  <th scope="row" title={labels[i]}>
                    {labels[i]}
                  </th>
                  {row.map((n, j) => (
                    <td
                      key={j}
                      class={n === 0 ? "zero" : i === j ? "right" : "wrong"}
                      style={{ "--share": String(all > 0 ? n / all : 0) }}
                      title={`${labels[i]} taken for ${labels[j]}: ${format.number(n, 9)} of ${format.number(all, 9)}`}
                    >
                      <b>{format.number(n, 9)}</b>
                      <span>{all > 0 ? format.percent(n / all) : ""}</span>
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="quiet">{format.count(evaluation.rows, "row")}; the shares are of the true class.</p>
    </Panel>
  );
}

function Classes({ evaluation }: { evaluation: Evaluation }) {
  const classes = evaluation.per_class ?? [];
  if (classes.length === 0) return null;
  const areas = classes.some((c) => c.roc); // two classes have one between them
  return (
    <Panel title="Class by class">
      <div class="scroll" tabIndex={0} role="group" aria-label="Class by class">
        <table class="plain classes">
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col" class="num">
                Rows
              </th>
              <th scope="col" class="num">
                Called so
              </th>
              <th scope="col" class="num">
                Precision
              </th>
              <th scope="col" class="num">
                Recall
              </th>
              <th scope="col" class="num">
                F1
              </th>
              {areas ? (
                <th scope="col" class="num">
                  ROC AUC
                </th>
              ) : null}
            </tr>
          </thead>
          <tbody>
            {classes.map((c) => (
              <tr key={c.label}>
                <th scope="row">{c.label}</th>
                <td class="num">{format.number(c.support, 9)}</td>
                <td class="num">{format.number(c.predicted, 9)}</td>
                <td class="num">{format.metric("precision", c.precision)}</td>
                <td class="num">{format.metric("recall", c.recall)}</td>
                <td class="num">{format.metric("f1", c.f1)}</td>
                {areas ? <td class="num">{format.loss(c.roc?.auc)}</td> : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
