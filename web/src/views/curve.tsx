// A job's curves as they grow: losses and metrics, and what goes with them: learning rate, gradients.

import { useMemo, useRef } from "preact/hooks";
import { getText, words } from "../api";
import { Chart, rangeFrom, rangeText, type Line, type Mark } from "../chart";
import { save, savePng } from "../download";
import * as format from "../format";
import { Choice, Panel } from "../parts";
import { useCurve } from "../poll";
import { setQuery, type Route } from "../route";
import { smooth, weightFrom } from "../smooth";
import { FINAL, type Job, type Point } from "../types";

export type Axis = "epoch" | "step" | "time";
type Of = (point: Point) => number | null | undefined;

interface AxisKind {
  of: Of;
  show: (x: number) => string;
  tick: (x: number) => string;
  steps: number[]; // between ticks
}

const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const TIMES = [
  ...[-3, -2, -1].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)),
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800,
];

export const AXES: Record<Axis, AxisKind> = {
  epoch: { of: (p) => p.epoch, show: (x) => `epoch ${format.number(x, 9)}`, tick: (x) => format.number(x, 9), steps: WHOLE },
  step: { of: (p) => p.step, show: (x) => `step ${format.number(x, 9)}`, tick: (x) => format.number(x, 9), steps: WHOLE },
  time: { of: (p) => p.elapsed_seconds, show: format.duration, tick: format.tick, steps: TIMES },
};

export function has(points: Point[], of: Of): boolean {
  return points.some((p) => typeof of(p) === "number");
}

export function column(points: Point[], of: Of): (number | null)[] {
  return points.map((p) => of(p) ?? null);
}

// Names of metrics that have a number anywhere.
export function metricsIn(points: Point[]): string[] {
  const names = new Set<string>();
  for (const p of points)
    for (const [name, x] of Object.entries(p.metrics ?? {})) if (typeof x === "number") names.add(name);
  return [...names];
}

// The axes that all these points have.
export function axesIn(points: Point[]): Axis[] {
  return (Object.keys(AXES) as Axis[]).filter(
    (axis) => axis === "epoch" || (points.length > 0 && points.every((p) => typeof AXES[axis].of(p) === "number")),
  );
}

// What is wanted of the choices, by a key of the address.
export function chosen<T extends string>(route: Route, key: string, options: readonly T[], otherwise: T): T {
  return options.find((option) => option === route.query.get(key)) ?? otherwise;
}

// The raw line pale behind the smoothed one.
export function smoothed(line: Line, weight: number): Line[] {
  return weight === 0
    ? [line]
    : [{ ...line, key: `${line.key} raw`, faint: true }, { ...line, values: smooth(line.values, weight) }];
}

function Smoothing({ weight }: { weight: number }) {
  return (
    <label class="inline smoothing">
      <span>Smoothing</span>
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={weight}
        onInput={(e) => setQuery({ smooth: Number(e.currentTarget.value) > 0 ? e.currentTarget.value : null })}
      />
      <output>{weight.toFixed(2)}</output>
    </label>
  );
}

// What is done to a chart from below it; `onAll` where only a part of it is seen.
export function ChartFoot(props: {
  weight: number;
  of: string;
  onAll: (() => void) | null;
  onPng: () => void;
  onCsv: () => void;
}) {
  return (
    <div class="chart-foot">
      <Smoothing weight={props.weight} />
      <span class="chart-buttons">
        {props.onAll ? (
          <button type="button" class="small" onClick={props.onAll}>
            Show all of it
          </button>
        ) : null}
        <button type="button" class="small" onClick={props.onPng}>
          PNG<span class="sr-only"> of {props.of}</span>
        </button>
        <button type="button" class="small" onClick={props.onCsv}>
          CSV<span class="sr-only"> of {props.of}</span>
        </button>
      </span>
    </div>
  );
}

export function ScaleChoice({ log }: { log: boolean }) {
  return (
    <Choice
      label="Scale"
      value={log ? "log" : "linear"}
      options={[
        ["linear", "linear"],
        ["log", "log"],
      ]}
      onChange={(value) => setQuery({ scale: value === "log" ? "log" : null })}
    />
  );
}

export function AxisChoice({ axis, axes }: { axis: Axis; axes: Axis[] }) {
  if (axes.length < 2) return null;
  return (
    <Choice
      label="By"
      value={axis}
      options={axes.map((a): [string, string] => [a, a === "epoch" ? "by epoch" : a])}
      onChange={(value) => setQuery({ x: value === "epoch" ? null : value, zoom: null })}
    />
  );
}

// An epoch as a place on the axis.
function placeOf(points: Point[], x: number[], epoch: number | null | undefined): number | null {
  const at = points.findIndex((p) => p.epoch === epoch);
  return at < 0 ? null : (x[at] ?? null);
}

function marksOf(job: Job, points: Point[], x: number[], ring: string): Mark[] {
  const marks: Mark[] = [];
  const best = placeOf(points, x, job.best?.epoch);
  if (best !== null) marks.push({ x: best, label: `best: ${job.best?.epoch}`, line: ring });
  const end = points[points.length - 1]?.epoch;
  const stopped = job.result?.stopped_by === "patience" ? placeOf(points, x, end) : null;
  if (stopped !== null) marks.push({ x: stopped, label: `stopped early: ${end}` });
  return marks;
}

export function CurvePanel({ job, route, onError }: { job: Job; route: Route; onError: (detail: string) => void }) {
  const { points, loaded, error } = useCurve(job);
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const log = route.query.get("scale") === "log";
  const weight = weightFrom(route.query.get("smooth"));
  const zoom = rangeFrom(route.query.get("zoom"));
  const metrics = metricsIn(points);
  const what = chosen(route, "y", ["loss", ...metrics], "loss");
  const axes = axesIn(points);
  const axis = chosen(route, "x", axes, "epoch");

  const { x, lines, rate, norms } = useMemo(() => {
    const validated = has(points, (p) => p.validation_loss);
    const plain: Line[] =
      what === "loss"
        ? [
            { key: "training", label: "training", color: "--line-training", values: column(points, (p) => p.training_loss) },
            ...(validated
              ? [{ key: "validation", label: "validation", color: "--line-validation", values: column(points, (p) => p.validation_loss) }]
              : []),
          ]
        : [
            {
              key: what,
              label: format.metricName(what),
              color: validated ? "--line-validation" : "--line-training",
              values: column(points, (p) => p.metrics?.[what]),
            },
          ];
    const layers = Math.max(0, ...points.map((p) => p.gradient_norms?.length ?? 0));
    return {
      x: column(points, AXES[axis].of).map((v) => v ?? 0),
      lines: plain.flatMap((line) => smoothed(line, weight)),
      rate: has(points, (p) => p.learning_rate)
        ? [{ key: "rate", label: "learning rate", color: "--c3", values: column(points, (p) => p.learning_rate) }]
        : [],
      norms: Array.from({ length: layers }, (_, layer): Line => ({
        key: `layer ${layer}`,
        label: layer === layers - 1 ? "output" : `layer ${layer + 1}`,
        color: `--c${(layer % 8) + 1}`,
        values: column(points, (p) => p.gradient_norms?.[layer]),
      })),
    };
  }, [points, what, axis, weight]);

  const title = what === "loss" ? "Loss" : format.capital(format.metricName(what));
  const show = (y: number | null) => (what === "loss" ? format.loss(y) : format.metric(what, y));
  const onZoom = (range: [number, number] | null) => setQuery({ zoom: rangeText(range) });
  const file = `job-${job.id}-${what}`;
  const last = lines[lines.length - 1]?.key ?? "";
  const common = { x, zoom, onZoom, showX: AXES[axis].show, ticksX: AXES[axis].tick, stepsX: AXES[axis].steps };
  return (
    <>
      <Panel
        title={`${title} by ${axis}`}
        class="curve"
        aside={
          <div class="controls">
            {metrics.length > 0 ? (
              <Choice
                label="What to draw"
                value={what}
                options={["loss", ...metrics].map((name): [string, string] => [name, format.metricName(name)])}
                onChange={(value) => setQuery({ y: value === "loss" ? null : value })}
              />
            ) : null}
            <AxisChoice axis={axis} axes={axes} />
            <ScaleChoice log={log} />
          </div>
        }
      >
        {points.length > 0 ? (
          <>
            <Chart
              {...common}
              name={title}
              lines={lines}
              log={log}
              marks={marksOf(job, points, x, last)}
              show={show}
              canvas={canvas}
            />
            <ChartFoot
              weight={weight}
              of="this curve"
              onAll={zoom ? () => onZoom(null) : null}
              onPng={() => {
                if (!canvas.current) return;
                savePng(
                  `${file}.png`,
                  canvas.current,
                  `${title}, job ${job.id}${job.name ? ` ${job.name}` : ""}`,
                  lines.filter((l) => !l.faint),
                );
              }}
              onCsv={() =>
                void getText(`/jobs/${job.id}/curve`, "text/csv").then(
                  (text) => save(`job-${job.id}-curve.csv`, new Blob([text], { type: "text/csv" })),
                  (e: unknown) => onError(words(e)),
                )
              }
            />
          </>
        ) : (
          <p class="quiet chart-empty">
            {error
              ? error.message
              : !loaded
                ? "Loading the curve…"
                : FINAL.has(job.state)
                  ? "No epoch was finished."
                  : "The first point comes with the first finished epoch."}
          </p>
        )}
      </Panel>
      {points.length > 1 && rate.length + norms.length > 0 ? (
        <div class={norms.length > 0 ? "halves" : ""}>
          {rate.length > 0 ? (
            <Panel title="Learning rate">
              <Chart {...common} name="Learning rate" small lines={rate} show={(y) => format.number(y, 3)} />
            </Panel>
          ) : null}
          {norms.length > 0 ? (
            <Panel title="Gradient norms">
              <Chart {...common} name="Gradient norms" small log lines={norms} show={(y) => format.number(y, 3)} />
            </Panel>
          ) : null}
        </div>
      ) : null}
    </>
  );
}
