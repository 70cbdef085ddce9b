// Many runs in one picture: parallel coordinates, and one fact against another.

import { useEffect, useRef, useState } from "preact/hooks";
import { factName, factText, scaleOf, type Run } from "./compare-data";

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const ref = useRef<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const watcher = new ResizeObserver(() => setWidth(element.clientWidth));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  return [ref, width];
}

const short = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// On two lines where one is too narrow for it.
function lines(text: string, most: number): string[] {
  const at = text.length > most ? text.lastIndexOf(" ", most) : -1;
  return at < 0 ? [short(text, most)] : [text.slice(0, at), short(text.slice(at + 1), most)];
}

// A line for each run, through its value of each fact.
export function Parallel({ runs, keys }: { runs: Run[]; keys: string[] }) {
  const [ref, room] = useWidth();
  const width = Math.max(room, keys.length * 104);
  const height = 264;
  const [left, right, top, bottom] = [40, 72, 48, 16];
  const scales = keys.map((key) => scaleOf(key, runs.map((run) => run.facts.get(key))));
  const x = (i: number) => left + ((width - left - right) * i) / Math.max(1, keys.length - 1);
  const y = (share: number) => height - bottom - share * (height - top - bottom);
  const letters = Math.floor((width - left - right) / Math.max(1, keys.length - 1) / 7.3);
  return (
    <div class="scroll" ref={ref} tabIndex={0} role="group" aria-label="Parallel coordinates">
      {room === 0 ? null : (
        <svg class="picture" width={width} height={height}>
          {keys.map((key, i) => {
            // The outer ones stay inside the picture.
            const [at, anchor] = i === 0 ? [0, "start"] : i === keys.length - 1 ? [width, "end"] : [x(i), "middle"];
            return (
              <g key={key}>
                <line class="picture-axis" x1={x(i)} x2={x(i)} y1={y(0)} y2={y(1)} />
                <text class="picture-title" y={12} text-anchor={anchor as "start"}>
                  <title>{factName(key)}</title>
                  {lines(factName(key), letters).map((line, n) => (
                    <tspan key={n} x={at} dy={n * 14}>
                      {line}
                    </tspan>
                  ))}
                </text>
              </g>
            );
          })}
          {runs.map((run) => {
            const places = keys.map((key, i) => [x(i), scales[i]?.at(run.facts.get(key)) ?? null] as const);
            const path = places
              .filter((p): p is [number, number] => p[1] !== null)
              .map(([px, share], i) => `${i === 0 ? "M" : "L"}${px.toFixed(1)} ${y(share).toFixed(1)}`)
              .join("");
            return (
              <a key={run.job.id} href={`#/jobs/${run.job.id}`} aria-label={`Job ${run.label}`}>
                <title>{`${run.label}: ${keys.map((key) => `${factName(key)} ${factText(key, run.facts.get(key))}`).join(", ")}`}</title>
                <path class="picture-run" d={path} stroke={run.color} stroke-dasharray={run.dash ? "6 4" : undefined} />
                <path class="picture-hit" d={path} />
              </a>
            );
          })}
          {keys.map((key, i) => (
            <g key={key} class="picture-ticks">
              {scales[i]?.ticks.map((tick) => (
                <text key={tick.at} x={x(i) + 6} y={y(tick.at)} dy="-0.4em">
                  {short(tick.text, 14)}
                </text>
              ))}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

// A dot for each run: one fact to the right, another one upwards.
export function Scatter({ runs, across, up }: { runs: Run[]; across: string; up: string }) {
  const [ref, width] = useWidth();
  const height = 300;
  const [left, right, top, bottom] = [76, 28, 14, 48];
  const shown = runs.filter((run) => run.facts.get(up) !== undefined && run.facts.get(up) !== null);
  const [sx, sy] = [across, up].map((key) => scaleOf(key, shown.map((run) => run.facts.get(key))));
  // A little room around, so that no dot lies on an axis.
  const x = (share: number) => left + (0.04 + 0.92 * share) * (width - left - right);
  const y = (share: number) => height - bottom - (0.06 + 0.88 * share) * (height - top - bottom);
  const most = Math.max(4, Math.floor((width - left - right) / Math.max(2, sx?.ticks.length ?? 2) / 8));
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg class="picture" width={width} height={height} role="group" aria-label={`${factName(up)} by ${factName(across)}`}>
          <path class="picture-axis" d={`M${left} ${top}V${height - bottom}H${width - right}`} fill="none" />
          {sy?.ticks.map((tick) => (
            <g key={tick.at}>
              <line class="picture-grid" x1={left} x2={width - right} y1={y(tick.at)} y2={y(tick.at)} />
              <text x={left - 8} y={y(tick.at)} dy="0.35em" text-anchor="end">
                {short(tick.text, 9)}
              </text>
            </g>
          ))}
          {sx?.ticks.map((tick) => (
            <text key={tick.at} x={x(tick.at)} y={height - bottom + 18} text-anchor="middle">
              {short(tick.text, most)}
            </text>
          ))}
          <text class="picture-title" x={(left + width - right) / 2} y={height - 8} text-anchor="middle">
            {factName(across)}
          </text>
          {shown.map((run) => {
            const [px, py] = [sx?.at(run.facts.get(across)) ?? null, sy?.at(run.facts.get(up)) ?? null];
            if (px === null || py === null) return null;
            return (
              <a key={run.job.id} href={`#/jobs/${run.job.id}`} aria-label={`Job ${run.label}`}>
                <title>{`${run.label}: ${factName(across)} ${factText(across, run.facts.get(across))}, ${factName(up)} ${factText(up, run.facts.get(up))}`}</title>
                <circle class="picture-dot" cx={x(px)} cy={y(py)} r={6} fill={run.color} />
              </a>
            );
          })}
        </svg>
      )}
    </div>
  );
}
