// Two fingers on a chart: what was between them when they came down stays between them. One finger
// is the browser's, which scrolls the page by it.

import type uPlot from "uplot";
import type { Range } from "./chart";

interface Pinch {
  apart: number; // pixels
  middle: number; // a value of x
  width: number; // of the range
}

function fingers(u: uPlot, touches: TouchList): { apart: number; at: number } | null {
  const [a, b] = [touches[0], touches[1]];
  if (touches.length !== 2 || !a || !b) return null;
  const { left } = u.over.getBoundingClientRect();
  return { apart: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)), at: (a.clientX + b.clientX) / 2 - left };
}

/** Calls `onMove` with the range to show while two fingers move, and `onEnd` with the last of them. */
export function listen(u: uPlot, onMove: (range: Range) => void, onEnd: (range: Range) => void): void {
  let start: Pinch | null = null;
  let range: Range | null = null;
  const begin = (e: TouchEvent) => {
    const two = fingers(u, e.touches);
    const { min, max } = u.scales.x ?? {};
    if (!two || typeof min !== "number" || typeof max !== "number") return;
    e.preventDefault();
    start = { apart: two.apart, middle: u.posToVal(two.at, "x"), width: max - min };
  };
  const move = (e: TouchEvent) => {
    const two = fingers(u, e.touches);
    if (!start || !two) return;
    e.preventDefault();
    const width = (start.width * start.apart) / two.apart;
    const low = start.middle - (two.at / u.over.clientWidth) * width;
    range = [low, low + width];
    onMove(range);
  };
  const end = () => {
    if (range) onEnd(range);
    start = range = null;
  };
  u.over.addEventListener("touchstart", begin, { passive: false });
  u.over.addEventListener("touchmove", move, { passive: false });
  u.over.addEventListener("touchend", end);
  u.over.addEventListener("touchcancel", end);
}
