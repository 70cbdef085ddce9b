// Runs beside each other: their curves in one chart, what was different about them, and what that made.
// Which runs, which of them are hidden and how they are looked at is in the address.

import uPlot from "uplot";
import { useMemo, useRef } from "preact/hooks";
import { Chart, rangeFrom, rangeText, useThemeCount, type Line } from "../chart";
import { csv, savePng, saveText } from "../download";
import * as format from "../format";
import { Name, Notice, Panel } from "../parts";
import { jobIsFinal, useResource, useResources } from "../poll";
import { picks, setQuery, type Route } from "../route";
import { smooth, weightFrom } from "../smooth";
import type { Curve, Job, Model, Point } from "../types";
import {
  better, COLOURS, differences, factName, factsOf, factText, isResult, mixed, scaleOf, type Run,
} from "./compare-data";
import { Parallel, Scatter } from "./compare-plots";
import { AXES, AxisChoice, axesIn, ChartFoot, chosen, column, has, metricsIn, ScaleChoice } from "./curve";

const MOST = 30; // runs in one comparison
const POINTS = 600; // of each curve: there are many
const AXES_SHOWN = 7; // of the parallel coordinates

function trains(job: Job): boolean {
  return job.kind === undefined || job.kind === "train";
}

function useRuns(ids: number[], by: string): { runs: Run[]; missing: number[] } {
  const theme = useThemeCount();
  const jobs = useResources<Job>(ids.map((id) => `/jobs/${id}`), jobIsFinal);
  const models = useResources<Model>(
    jobs.flatMap(({ data }) => (data?.model_id ? [`/models/${data.model_id}#parameters`] : [])),
    (model) => typeof model.parameters === "number",
  );
  const missing = ids.filter((_, i) => jobs[i]?.error && !jobs[i]?.data);
  const known = jobs.flatMap(({ data }) => (data && trains(data) ? [data] : []));
  const parts = models.map(({ data }) => data);
  const runs = useMemo(() => {
    const facts = known.map((job) => factsOf(job, parts.find((m) => m?.id === job.model_id) ?? null));
    const scale = by === "" ? null : scaleOf(by, facts.map((of) => of.get(by)));
    return known.map((job, i): Run => {
      const share = scale?.at(facts[i]?.get(by)) ?? null;
      const place = scale && !scale.numeric ? scale.ticks.findIndex((tick) => tick.at === share) : i;
      return {
        job,
        label: `${job.id}${job.name ? ` ${job.name}` : ""}`,
        color: scale?.numeric && share !== null ? mixed(share) : `var(--c${(place % COLOURS) + 1})`,
        dash: scale === null && i >= COLOURS,
        facts: facts[i] ?? new Map(),
      };
    });
  }, [theme, by, ...known, ...parts]);
  return { runs, missing };
}

export function CompareView({ route }: { route: Route }) {
  const { query } = route;
  const ids = picks(query.get("runs")).slice(0, MOST);
  const by = query.get("color") ?? "";
  const { runs, missing } = useRuns(ids, by);
  const hidden = picks(query.get("hide"));
  const shown = runs.filter((run) => !hidden.includes(run.job.id));
  const differing = useMemo(() => differences(runs), [runs]);
  const asked = differing.filter((key) => !isResult(key));
  return (
    <>
      <h1>Compare</h1>
      {missing.length > 0 ? (
        <Notice kind="info">
          {missing.length === 1 ? `Job ${missing[0]} is not there.` : `Jobs ${missing.join(", ")} are not there.`}
        </Notice>
      ) : null}
      <RunsPanel runs={runs} ids={ids} hidden={hidden} by={by} asked={asked} />
      {runs.length > 0 ? <CurvesPanel runs={shown} route={route} /> : null}
      {shown.length > 1 ? (
        <>
          <Differences runs={shown} />
          <Pictures runs={shown} route={route} />
        </>
      ) : null}
    </>
  );
}

function RunsPanel(props: { runs: Run[]; ids: number[]; hidden: number[]; by: string; asked: string[] }) {
  const { runs, ids, hidden, by, asked } = props;
  const { data } = useResource<{ jobs?: Job[] }>("/jobs?limit=200&kind=train");
  const others = (data?.jobs ?? []).filter((job) => !ids.includes(job.id));
  const families = [...new Set((data?.jobs ?? []).map((job) => job.name).filter((name): name is string => !!name))]
    .map((name) => ({ name, ids: (data?.jobs ?? []).filter((job) => job.name === name).map((job) => job.id) }))
    .filter((family) => family.ids.length > 1);
  const put = (next: number[]) => setQuery({ runs: next.slice(0, MOST).join(",") });
  return (
    <Panel
      title="Runs"
      aside={
        <div class="controls">
          {asked.length > 0 ? (
            <label class="inline">
              <span>Colour by</span>
              <select value={by} onChange={(e) => setQuery({ color: e.currentTarget.value })}>
                <option value="">run</option>
                {asked.map((key) => (
                  <option key={key} value={key}>
                    {factName(key)}
                  </option>
                ))}
              </select>
            </label>
          ) : null}
          <label class="inline">
            <span>Add</span>
            <select
              value=""
              onChange={(e) => {
                put([...ids, ...e.currentTarget.value.split(",").map(Number)].filter((id, i, all) => all.indexOf(id) === i));
                e.currentTarget.value = "";
              }}
            >
              <option value="">{others.length > 0 ? "a run…" : "no other run"}</option>
              {families.map((family) => (
                <option key={family.name} value={family.ids.slice(0, MOST).join(",")}>
                  all {family.ids.length} of {family.name}
                </option>
              ))}
              {others.map((job) => (
                <option key={job.id} value={String(job.id)}>
                  {job.id} {job.name ?? "unnamed"}, {job.state}
                </option>
              ))}
            </select>
          </label>
        </div>
      }
    >
      {ids.length === 0 ? (
        <p class="quiet">
          Choose runs above, or pick them in <a href="#/jobs">the list of jobs</a>. Their curves come into one chart,
          with what was different about them beside what came of it.
        </p>
      ) : (
        <ul class="runs">
          {runs.map((run) => (
            <li key={run.job.id}>
              <label>
                <input
                  type="checkbox"
                  checked={!hidden.includes(run.job.id)}
                  aria-label={`Show job ${run.label}`}
                  onChange={(e) =>
                    setQuery({
                      hide: (e.currentTarget.checked
                        ? hidden.filter((id) => id !== run.job.id)
                        : [...hidden, run.job.id]
                      ).join(","),
                    })
                  }
                />
                <Swatch run={run} />
              </label>
              <a href={`#/jobs/${run.job.id}`}>
                <span class="id">{run.job.id}</span> <Name name={run.job.name} />
              </a>
              {by ? <span class="quiet">{factText(by, run.facts.get(by))}</span> : null}
              <button
                type="button"
                class="close"
                aria-label={`Take job ${run.label} out`}
                onClick={() => put(ids.filter((id) => id !== run.job.id))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Swatch({ run }: { run: Run }) {
  return (
    <svg class="swatch" viewBox="0 0 18 4" aria-hidden="true">
      <path d="M0 2h18" stroke={run.color} stroke-dasharray={run.dash ? "5 3" : undefined} />
    </svg>
  );
}

const LOSSES: Record<string, (p: Point) => number | null | undefined> = {
  validation_loss: (p) => p.validation_loss,
  training_loss: (p) => p.training_loss,
};

function CurvesPanel({ runs, route }: { runs: Run[]; route: Route }) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const curves = useResources<Curve>(
    runs.map((run) => `/jobs/${run.job.id}/curve?max_points=${POINTS}`),
    (curve) => curve.complete === true,
  ).map(({ data }) => data?.points ?? []);
  const { query } = route;
  const log = query.get("scale") === "log";
  const weight = weightFrom(query.get("smooth"));
  const zoom = rangeFrom(query.get("zoom"));
  const metrics = [...new Set(curves.flatMap(metricsIn))];
  const validated = curves.some((points) => has(points, (p) => p.validation_loss));
  const options = [...(validated ? ["validation_loss"] : []), "training_loss", ...metrics];
  const what = chosen(route, "y", options, options[0] ?? "training_loss");
  const drawn = curves.filter((points) => points.length > 0);
  const axes = axesIn(drawn.flat());
  const axis = chosen(route, "x", axes, "epoch");

  const { x, lines } = useMemo(() => {
    const of = LOSSES[what] ?? ((p: Point) => p.metrics?.[what]);
    const tables = curves.map((points) => {
      const raw = column(points, of);
      return [points.map((p) => AXES[axis].of(p) ?? 0), ...(weight > 0 ? [raw, smooth(raw, weight)] : [raw])] as uPlot.AlignedData;
    });
    if (tables.length === 0) return { x: [], lines: [] };
    const all = tables.length === 1 ? (tables[0] as uPlot.AlignedData) : uPlot.join(tables);
    const joined: Line[] = [];
    let at = 1;
    for (const run of runs) {
      const base = { label: run.label, color: run.color, dash: run.dash };
      const next = () => (all[at++] as (number | null | undefined)[]).map((v) => v ?? null);
      if (weight > 0) joined.push({ ...base, key: `${run.job.id} raw`, values: next(), faint: true });
      joined.push({ ...base, key: String(run.job.id), values: next() });
    }
    return { x: all[0] as number[], lines: joined };
  }, [what, axis, weight, runs, ...curves]);

  const name = format.capital(format.metricName(what));
  const show = (y: number | null) => (what in LOSSES ? format.loss(y) : format.metric(what, y));
  return (
    <Panel
      title={`${name} by ${axis}`}
      class="curve"
      aside={
        <div class="controls">
          <label class="inline">
            <span>Draw</span>
            <select value={what} onChange={(e) => setQuery({ y: e.currentTarget.value })}>
              {options.map((option) => (
                <option key={option} value={option}>
                  {format.metricName(option)}
                </option>
              ))}
            </select>
          </label>
          <AxisChoice axis={axis} axes={axes} />
          <ScaleChoice log={log} />
        </div>
      }
    >
      {x.length === 0 ? (
        <p class="quiet chart-empty">{runs.length === 0 ? "Every run is hidden." : "No epoch is there yet."}</p>
      ) : (
        <>
          <Chart
            name={name}
            counted="point"
            x={x}
            lines={lines}
            log={log}
            zoom={zoom}
            onZoom={(range) => setQuery({ zoom: rangeText(range) })}
            showX={AXES[axis].show}
            ticksX={AXES[axis].tick}
            stepsX={AXES[axis].steps}
            show={show}
            canvas={canvas}
          />
          <ChartFoot
            weight={weight}
            of="these curves"
            onAll={zoom ? () => setQuery({ zoom: null }) : null}
            onPng={() => canvas.current && savePng(`compare-${what}.png`, canvas.current, name, lines.filter((l) => !l.faint))}
            onCsv={() =>
              saveText(
                `compare-${what}.csv`,
                csv([
                  [axis, ...lines.map((line) => (line.faint ? `${line.label} raw` : line.label))],
                  ...x.map((at, i) => [at, ...lines.map((line) => line.values[i])]),
                ]),
              )
            }
          />
        </>
      )}
    </Panel>
  );
}

function Differences({ runs }: { runs: Run[] }) {
  const keys = differences(runs);
  const best = (key: string) => {
    const way = better(key);
    const values = runs.map((run) => run.facts.get(key)).filter((v): v is number => typeof v === "number");
    if (!way || values.length < 2) return null;
    return way === "less" ? Math.min(...values) : Math.max(...values);
  };
  return (
    <Panel title="What is different">
      {keys.length === 0 ? (
        <p class="quiet">Nothing: these runs were asked for alike and came out alike.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-label="What is different">
          <table class="plain differences">
            <thead>
              <tr>
                <th scope="col">
                  <span class="sr-only">Fact</span>
                </th>
                {runs.map((run) => (
                  <th scope="col" key={run.job.id}>
                    <Swatch run={run} /> <a href={`#/jobs/${run.job.id}`}>{run.label}</a>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => {
                const top = best(key);
                return (
                  <tr key={key} class={isResult(key) ? "result" : ""}>
                    <th scope="row">{factName(key)}</th>
                    {runs.map((run) => {
                      const value = run.facts.get(key);
                      return (
                        <td key={run.job.id} class={top !== null && value === top ? "best-of" : ""}>
                          {factText(key, value)}
                        </td>
                      );
                    })}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function FactSelect(props: { label: string; name: string; value: string; keys: string[] }) {
  return (
    <label class="inline">
      <span>{props.label}</span>
      <select value={props.value} onChange={(e) => setQuery({ [props.name]: e.currentTarget.value })}>
        {props.keys.map((key) => (
          <option key={key} value={key}>
            {factName(key)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Pictures({ runs, route }: { runs: Run[]; route: Route }) {
  const differing = differences(runs);
  const results = differing.filter((key) => isResult(key) && better(key) !== null);
  const asked = differing.filter((key) => !isResult(key) && key !== "training.seed");
  const [first] = results;
  if (first === undefined) return null;
  const metric = chosen(route, "metric", results, results.find((key) => key.startsWith("=best")) ?? first);
  const acrossKeys = [...["=parameters", "=time taken", "=epochs trained"].filter((key) => differing.includes(key)), ...asked];
  const across = chosen(route, "across", acrossKeys, asked[0] ?? acrossKeys[0] ?? metric);
  // A list of layers says what the number of units says; the finest of them is enough.
  const axes = asked.filter((key) => key !== "architecture.units" && key !== "architecture.layers").slice(0, AXES_SHOWN);
  return (
    <>
      {axes.length > 0 ? (
        <Panel
          title="From hyperparameters to the result"
          aside={<FactSelect label="Result" name="metric" value={metric} keys={results} />}
        >
          <Parallel runs={runs} keys={[...axes, metric]} />
        </Panel>
      ) : null}
      {acrossKeys.length > 0 ? (
        <Panel
          title={`${format.capital(factName(metric))} by ${factName(across)}`}
          aside={
            <div class="controls">
              <FactSelect label="Across" name="across" value={across} keys={acrossKeys} />
              {axes.length === 0 ? <FactSelect label="Result" name="metric" value={metric} keys={results} /> : null}
            </div>
          }
        >
          <Scatter runs={runs} across={across} up={metric} />
        </Panel>
      ) : null}
    </>
  );
}
