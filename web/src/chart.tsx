// Curves: uPlot in a frame of ours. It follows the theme and the width of its place, marks epochs,
// tells the values under the cursor (or the last ones) in words, and is moved by mouse, by keys and
// by fingers: drag, + and - or two fingers to zoom, left and right for the cursor, 0, Escape or a
// double click for all of it.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import * as format from "./format";
import { listen } from "./pinch";
import { onTheme } from "./theme";
import { logTicks } from "./ticks";

export interface Line {
  key: string;
  label: string;
  color: string; // a variable of base.css, such as --line-training, or a colour
  dash?: boolean;
  values: (number | null)[];
  faint?: boolean; // drawn pale, and not told in words: what a smoothed line was made of
}

export interface Mark {
  x: number;
  label: string;
  line?: string; // the key of the line that gets a ring there
}

export type Range = [from: number, to: number];

const FEW = 40; // up to here every point gets its dot

// What a canvas takes for "--c1", "var(--c1)" or a colour.
export function colour(color: string): string {
  const name = /--[\w-]+/.exec(color)?.[0];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : color;
}

// Another number whenever the colours are others.
export function useThemeCount(): number {
  const [count, setCount] = useState(0);
  useEffect(() => onTheme(() => setCount((n) => n + 1)), []);
  return count;
}

// "3..20" in an address.
export function rangeFrom(text: string | null): Range | null {
  const [from, to] = (text ?? "").split("..").map(Number);
  return from !== undefined && to !== undefined && from < to && Number.isFinite(to - from) ? [from, to] : null;
}

export function rangeText(range: Range | null): string | null {
  return range ? range.map((x) => Number(x.toPrecision(6))).join("..") : null;
}

function data(x: number[], lines: Line[], log: boolean): uPlot.AlignedData {
  return [
    x,
    ...lines.map(({ values }) => (log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values)),
  ] as uPlot.AlignedData;
}

// A line that hardly moves is a flat line, not a picture of rounding.
function linearRange(min: number | null, max: number | null): Range {
  if (min === null || max === null) return [0, 1];
  const size = Math.max(Math.abs(min), Math.abs(max));
  if (max - min > size * 1e-4) return uPlot.rangeNum(min, max, 0.1, true) as Range;
  const room = size === 0 ? 1 : size * 0.05;
  return [min - room, max + room];
}

// Vertical marks with their words, each a line lower than the one before; a ring where one lies on a line.
function drawMarks(u: uPlot, marks: Mark[], lines: Line[]): void {
  const { left, top, width, height } = u.bbox;
  const ratio = uPlot.pxRatio;
  const ctx = u.ctx;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  marks.forEach((mark, row) => {
    const x = u.valToPos(mark.x, "x", true);
    if (x < left - 1 || x > left + width + 1) return;
    ctx.strokeStyle = ctx.fillStyle = colour("--quiet");
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.setLineDash([]);
    const right = x + ctx.measureText(mark.label).width + 8 * ratio > left + width;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(mark.label, x + (right ? -6 : 6) * ratio, top + (2 + 16 * row) * ratio);
    const at = lines.findIndex((line) => line.key === mark.line);
    const y = at < 0 ? null : u.data[at + 1]?.[u.data[0].indexOf(mark.x)];
    if (y === null || y === undefined) return;
    ctx.fillStyle = colour("--panel");
    ctx.strokeStyle = colour(lines[at]?.color ?? "--text");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.arc(x, u.valToPos(y, "y", true), 4.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
    ctx.lineWidth = ratio;
  });
  ctx.restore();
}

// No further than the points go.
function within([from, to]: Range, x: number[]): Range {
  return [Math.max(x[0] ?? 0, from), Math.min(x[x.length - 1] ?? 0, to)];
}

function isAll([from, to]: Range, x: number[]): boolean {
  return from <= (x[0] ?? 0) && to >= (x[x.length - 1] ?? 0);
}

// The point of a line that is nearest to the cursor's: where lines have different x.
function nearest(u: uPlot, line: number, at: number): number {
  const values = u.data[line];
  if (line === 0 || !values || (values[at] ?? null) !== null) return at;
  for (let d = 1; d < values.length; d++) {
    if ((values[at - d] ?? null) !== null) return at - d;
    if ((values[at + d] ?? null) !== null) return at + d;
  }
  return at;
}

export function Chart(props: {
  name: string; // "Loss"
  x: number[];
  lines: Line[];
  log?: boolean;
  marks?: Mark[];
  small?: boolean;
  counted?: string; // what a point is: "epoch"
  zoom?: Range | null;
  onZoom?: (range: Range | null) => void;
  showX: (x: number) => string;
  ticksX?: (x: number) => string;
  stepsX?: number[]; // what may lie between two ticks
  show: (y: number | null) => string;
  canvas?: { current: HTMLCanvasElement | null }; // gets what it is drawn on
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const pinched = useRef<Range | null>(null); // what two fingers ask for, until they have gone
  const now = useRef(props);
  now.current = props;
  const [cursor, setCursor] = useState<(number | null | undefined)[] | null>(null);
  const [keys, setKeys] = useState(false);
  const theme = useThemeCount();
  const { x, lines, log = false, marks = [], zoom = null } = props;

  const shape = lines.map((line) => `${line.key} ${line.color} ${line.faint}`).join("\n");
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    const axis = {
      stroke: colour("--quiet"),
      font: "12px system-ui, sans-serif",
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { show: false },
    };
    const height = () => (now.current.small ? 180 : host.clientWidth < 560 ? 240 : 320);
    const u = new uPlot(
      {
        width: Math.max(120, host.clientWidth),
        height: height(),
        padding: [10, 22, 0, 0],
        legend: { show: false },
        cursor: {
          points: { size: 8 },
          drag: { x: true, y: false, setScale: false },
          dataIdx: nearest,
          bind: { dblclick: () => () => (now.current.onZoom?.(null), null) },
        },
        scales: {
          x: {
            time: false,
            // One epoch is a point, not a range: give it room.
            range: (_u, min, max) => pinched.current ?? now.current.zoom ?? (min === max ? [min - 1, max + 1] : [min, max]),
          },
          // uPlot's own log range ends at whole decades; half a chart may be empty then.
          y: log
            ? { distr: 3, log: 10, range: (_u, min, max) => (min > 0 ? [min / 1.2, max * 1.2] : [0.1, 1]) }
            : { distr: 1, range: (_u, min, max) => linearRange(min, max) },
        },
        axes: [
          {
            ...axis,
            size: 28,
            ...(props.stepsX ? { incrs: props.stepsX } : {}),
            values: (_u, ticks) => ticks.map((v) => (now.current.ticksX ?? format.number)(v)),
          },
          {
            ...axis,
            size: 62,
            ...(log
              ? {
                  splits: (_u: uPlot, _axis: number, min: number, max: number) => logTicks(min, max, height() < 260 ? 5 : 8),
                  filter: (_u: uPlot, ticks: number[]) => ticks,
                }
              : {}),
            values: (_u, ticks) => ticks.map((v) => (v === null ? "" : format.number(v, 3))),
          },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: colour(line.color),
            width: line.faint ? 1 : x.length > 500 ? 1.25 : lines.length > 6 ? 1.5 : 2,
            ...(line.dash ? { dash: [6, 4] } : {}),
            alpha: line.faint ? 0.35 : 1,
            spanGaps: true,
            points: { size: 5, show: (self: uPlot) => !line.faint && self.data[0].length <= FEW },
          })),
        ],
        hooks: {
          setCursor: [(self) => setCursor((self.cursor.idx ?? null) === null ? null : [...(self.cursor.idxs ?? [])])],
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width < 4) return;
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              now.current.onZoom?.([self.posToVal(left, "x"), self.posToVal(left + width, "x")]);
            },
          ],
          draw: [(self) => drawMarks(self, now.current.marks ?? [], now.current.lines)],
        },
      },
      data(x, lines, log),
      host,
    );
    chart.current = u;
    listen(
      u,
      (range) => {
        const next = within(range, now.current.x);
        if (!now.current.onZoom || next[0] >= next[1]) return;
        pinched.current = next;
        u.setScale("x", { min: next[0], max: next[1] });
      },
      () => {
        const range = pinched.current;
        pinched.current = null;
        if (range) now.current.onZoom?.(isAll(range, now.current.x) ? null : range);
      },
    );
    if (props.canvas) props.canvas.current = u.ctx.canvas;
    const watcher = new ResizeObserver(() => {
      const width = Math.max(120, host.clientWidth);
      if (width !== u.width) u.setSize({ width, height: height() });
    });
    watcher.observe(host);
    return () => {
      watcher.disconnect();
      u.destroy();
      chart.current = null;
    };
  }, [theme, log, shape, props.stepsX]);

  const markWords = marks.map((mark) => `${mark.x} ${mark.label} ${mark.line}`).join("\n");
  useEffect(() => {
    chart.current?.setData(data(x, lines, log), true);
  }, [x, lines, markWords, zoom?.[0], zoom?.[1]]);

  // By keys as by mouse.
  function onKeyDown(e: KeyboardEvent) {
    const u = chart.current;
    if (!u || e.ctrlKey || e.metaKey || e.altKey) return;
    const [low = 0, high = 0] = [u.scales.x?.min, u.scales.x?.max];
    const at = u.cursor.idx ?? x.length - 1;
    const to = (index: number) => {
      const i = Math.max(0, Math.min(x.length - 1, index));
      u.setCursor({ left: u.valToPos(x[i] ?? 0, "x"), top: u.over.clientHeight / 2 });
      setKeys(true);
    };
    const stride = e.shiftKey ? Math.max(1, Math.round(x.length / 20)) : 1;
    const scale = (factor: number) => {
      const middle = u.cursor.idx === null || u.cursor.idx === undefined ? (low + high) / 2 : (x[u.cursor.idx] ?? low);
      const range = within([middle - (middle - low) * factor, middle + (high - middle) * factor], x);
      if (isAll(range, x)) props.onZoom?.(null);
      else if (range[0] < range[1]) props.onZoom?.(range);
    };
    if (e.key === "ArrowLeft") to(at - stride);
    else if (e.key === "ArrowRight") to(at + stride);
    else if (e.key === "Home") to(0);
    else if (e.key === "End") to(x.length - 1);
    else if (e.key === "+" || e.key === "=") scale(0.6);
    else if (e.key === "-") scale(1 / 0.6);
    else if (e.key === "0" || e.key === "Escape") props.onZoom?.(null);
    else return;
    e.preventDefault();
  }

  const last = x.length - 1;
  const index = cursor?.[0] ?? last;
  const here = x[Math.min(index, last)];
  const told = lines.map((line, i) => ({ line, at: cursor ? (cursor[i + 1] ?? index) : lastKnown(line.values) }));
  return (
    <figure class={`chart ${props.small ? "chart-small" : ""}`}>
      <figcaption aria-live={keys ? "polite" : "off"}>
        <span class="chart-epoch">
          {here === undefined ? "no point yet" : `${props.showX(here)}${cursor ? "" : " (latest)"}`}
        </span>
        {told.map(({ line, at }) =>
          line.faint ? null : (
            <span key={line.key} class="key">
              <i aria-hidden="true" style={{ background: line.color.startsWith("--") ? `var(${line.color})` : line.color }} />
              {line.label} <b>{props.show(line.values[at] ?? null)}</b>
            </span>
          ),
        )}
      </figcaption>
      <div
        class="plot"
        ref={place}
        role="group"
        aria-roledescription="chart"
        tabIndex={0}
        aria-label={`${props.name} over ${format.count(x.length, props.counted ?? "epoch")}. Left and right move the cursor, plus and minus zoom, 0 shows all.`}
        data-points={x.length}
        data-latest={x[last]}
        onKeyDown={onKeyDown}
        onBlur={() => setKeys(false)}
      />
    </figure>
  );
}

function lastKnown(values: (number | null)[]): number {
  for (let i = values.length - 1; i >= 0; i--) if ((values[i] ?? null) !== null) return i;
  return values.length - 1;
}
