// Small drawings with two axes: curves, points and bars of what a model was measured by.

import type { ComponentChildren } from "preact";
import * as format from "./format";
import { even } from "./ticks";

export interface Axis {
  min: number;
  max: number;
  label: string;
  words?: (v: number) => string; // of a tick
}

const W = 380;
const H = 300;
const LEFT = 52;
const BOTTOM = 42;
const TOP = 10;
const RIGHT = 12;

export interface Place {
  x: (v: number) => number;
  y: (v: number) => number;
}

function scale(axis: Axis, from: number, to: number): (v: number) => number {
  const span = axis.max - axis.min || 1;
  return (v) => from + ((v - axis.min) / span) * (to - from);
}

function ticksOf(axis: Axis): number[] {
  return even(axis.min, axis.max);
}

export function Plot(props: {
  x: Axis;
  y: Axis;
  label: string;
  children: (place: Place) => ComponentChildren;
  bare?: boolean; // no ticks along x: the bars have words of their own
}) {
  const { x, y } = props;
  const place: Place = { x: scale(x, LEFT, W - RIGHT), y: scale(y, H - BOTTOM, TOP) };
  return (
    <svg class="xy" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={props.label}>
      {ticksOf(y).map((v) => (
        <g key={v}>
          <line class="xy-grid" x1={LEFT} x2={W - RIGHT} y1={place.y(v)} y2={place.y(v)} />
          <text class="xy-tick" x={LEFT - 6} y={place.y(v) + 4} text-anchor="end">
            {format.number(v, 3)}
          </text>
        </g>
      ))}
      {props.bare
        ? null
        : ticksOf(x).map((v) => (
            <g key={v}>
              <line class="xy-grid" x1={place.x(v)} x2={place.x(v)} y1={TOP} y2={H - BOTTOM} />
              <text class="xy-tick" x={place.x(v)} y={H - BOTTOM + 15} text-anchor="middle">
                {(x.words ?? ((t: number) => format.number(t, 3)))(v)}
              </text>
            </g>
          ))}
      {props.children(place)}
      <text class="xy-label" x={(LEFT + W - RIGHT) / 2} y={H - 6} text-anchor="middle">
        {x.label}
      </text>
      <text class="xy-label" x={12} y={(TOP + H - BOTTOM) / 2} text-anchor="middle" transform={`rotate(-90 12 ${(TOP + H - BOTTOM) / 2})`}>
        {y.label}
      </text>
    </svg>
  );
}

// A path through points; `steps`: up and down only between two of them.
export function path(points: [number, number][], place: Place, steps = false): string {
  let d = "";
  let before: number | null = null;
  for (const [px, py] of points) {
    const x = place.x(px).toFixed(1);
    const y = place.y(py).toFixed(1);
    d += before === null ? `M${x} ${y}` : steps ? `V${y}H${x}` : `L${x} ${y}`;
    before = py;
  }
  return d;
}

// From the least to the greatest with a little room.
export function span(values: number[], label: string, zero = false): Axis {
  let min = zero ? 0 : Infinity;
  let max = zero ? 0 : -Infinity;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  if (!(max >= min)) return { min: 0, max: 1, label };
  const room = (max - min || Math.abs(max) || 1) * 0.04;
  return { min: zero && min === 0 ? 0 : min - room, max: max + room, label };
}
