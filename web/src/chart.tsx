// The loss curve: uPlot in a frame of ours. It follows the theme and the width of its place,
// marks the best epoch, and tells the values under the cursor (or the last ones) in words.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import * as format from "./format";
import { logTicks } from "./ticks";
import type { Point } from "./types";

export interface Line {
  key: string;
  label: string;
  color: "training" | "validation";
  of: (point: Point) => number | null | undefined;
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    training: read("--line-training"),
    validation: read("--line-validation"),
    grid: read("--grid"),
    text: read("--quiet"),
    strong: read("--text"),
    panel: read("--panel"),
    font: "12px system-ui, sans-serif",
  };
}

function useTheme() {
  const [value, setValue] = useState(theme);
  useEffect(() => {
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setValue(theme());
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return value;
}

function columns(points: Point[], lines: Line[], log: boolean): uPlot.AlignedData {
  const value = (x: number | null | undefined) =>
    x === null || x === undefined || (log && x <= 0) ? null : x;
  return [
    points.map((p) => p.epoch),
    ...lines.map((line) => points.map((p) => value(line.of(p)))),
  ] as uPlot.AlignedData;
}

const FEW = 40; // up to here every epoch gets its dot

interface Best {
  epoch: number;
  line: number; // which line it lies on
}

// Vertical mark at the best epoch, with a ring on its point.
function drawBest(u: uPlot, best: Best, colors: ReturnType<typeof theme>): void {
  const x = u.valToPos(best.epoch, "x", true);
  const { left, top, width, height } = u.bbox;
  if (x < left - 1 || x > left + width + 1) return;
  const ctx = u.ctx;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.strokeStyle = colors.text;
  ctx.lineWidth = ratio;
  ctx.setLineDash([4 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.setLineDash([]);
  const at = u.data[0].indexOf(best.epoch);
  const y = at < 0 ? null : u.data[best.line + 1]?.[at];
  if (y !== null && y !== undefined) {
    ctx.fillStyle = colors.panel;
    ctx.strokeStyle = best.line === 0 ? colors.training : colors.validation;
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.arc(x, u.valToPos(y, "y", true), 4.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
  ctx.fillStyle = colors.text;
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  const text = `best: ${best.epoch}`;
  const room = ctx.measureText(text).width + 8 * ratio;
  const onLeft = x + room > left + width;
  ctx.textAlign = onLeft ? "right" : "left";
  ctx.fillText(text, x + (onLeft ? -6 : 6) * ratio, top + 2 * ratio);
  ctx.restore();
}

export function Chart(props: {
  points: Point[];
  lines: Line[];
  log: boolean;
  bestEpoch: number | null;
  name: string;
  show: (x: number | null | undefined) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const zoomed = useRef(false);
  const [cursor, setCursor] = useState<number | null>(null);
  const colors = useTheme();
  const { points, lines, log } = props;

  const best = useRef<Best | null>(null);
  const bestLine = lines.findIndex((line) => line.color === "validation");
  best.current =
    props.bestEpoch === null ? null : { epoch: props.bestEpoch, line: Math.max(0, bestLine) };

  const shape = lines.map((line) => line.key).join(" ");
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    const axis = {
      stroke: colors.text,
      font: colors.font,
      grid: { stroke: colors.grid, width: 1 },
      ticks: { show: false },
    };
    const height = () => (host.clientWidth < 560 ? 240 : 320);
    zoomed.current = false;
    const u = new uPlot(
      {
        width: Math.max(120, host.clientWidth),
        height: height(),
        padding: [10, 22, 0, 0],
        legend: { show: false },
        cursor: { points: { size: 8 }, drag: { x: true, y: false } },
        scales: {
          x: {
            time: false,
            // One epoch is a point, not a range: give it room.
            range: (_u, min, max) => (min === max ? [min - 1, max + 1] : [min, max]),
          },
          // uPlot's own log range ends at whole decades; half a chart may be empty then.
          y: log
            ? { distr: 3, log: 10, range: (_u, min, max) => (min > 0 ? [min / 1.2, max * 1.2] : [0.1, 1]) }
            : { distr: 1 },
        },
        axes: [
          { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4], size: 28 },
          {
            ...axis,
            size: 62,
            ...(log
              ? {
                  splits: (_u: uPlot, _axis: number, min: number, max: number) => logTicks(min, max),
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
            stroke: colors[line.color],
            width: 2,
            spanGaps: true,
            points: { size: 5, show: (self: uPlot) => self.data[0].length <= FEW },
          })),
        ],
        hooks: {
          setCursor: [(self) => setCursor(self.cursor.idx ?? null)],
          setSelect: [(self) => (zoomed.current = self.select.width > 0)],
          draw: [(self) => best.current && drawBest(self, best.current, colors)],
        },
      },
      columns(points, lines, log),
      host,
    );
    chart.current = u;
    const unzoom = () => (zoomed.current = false);
    u.over.addEventListener("dblclick", unzoom);
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
  }, [colors, log, shape]);

  useEffect(() => {
    const u = chart.current;
    if (!u) return;
    u.setData(columns(points, lines, log), !zoomed.current);
    if (zoomed.current) u.redraw();
  }, [points, props.bestEpoch]);

  const at = cursor !== null && cursor < points.length ? cursor : points.length - 1;
  const point = points[at];
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-epoch">
          {point ? `epoch ${format.number(point.epoch)}${cursor === null ? " (latest)" : ""}` : "no epoch yet"}
        </span>
        {lines.map((line) => (
          <span key={line.key} class={`key key-${line.color}`}>
            <i aria-hidden="true" />
            {line.label} <b>{point ? props.show(line.of(point)) : format.NONE}</b>
          </span>
        ))}
      </figcaption>
      <div
        class="plot"
        ref={place}
        role="img"
        aria-label={`${props.name} over ${format.count(points.length, "epoch")}`}
        data-points={points.length}
      />
    </figure>
  );
}
