// A network drawn: columns of nodes and the links between them, at the width of its place.
// Blue is positive, orange negative; width and strength say how much.

import { useEffect, useRef, useState } from "preact/hooks";
import * as format from "./format";

export interface NetNode {
  index: number; // in its layer
  name?: string | undefined;
  lines: [key: string, value: string][]; // what is written in it
  tone: number; // -1 to 1
  dim?: boolean;
  chosen?: boolean;
}

export interface NetColumn {
  title: string;
  note: string;
  nodes: NetNode[];
  size: number; // of the layer, drawn or not
}

export interface NetLink {
  column: number; // from this one to the next
  from: number; // places among the drawn nodes
  to: number;
  value: number;
  tone: number; // -1 to 1
  dim?: boolean;
  chosen?: boolean;
}

const HEAD = 44;
const FOOT = 20;

function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    const measure = () => setWidth(host.clientWidth);
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(host);
    return () => watcher.disconnect();
  }, []);
  return { place, width };
}

export function Net(props: {
  columns: NetColumn[];
  links: NetLink[];
  card: { width: number; height: number };
  label: string;
  onNode?: (column: number, index: number) => void;
  onLink?: (column: number, from: number, to: number) => void; // indexes in their layers
}) {
  const { columns, links } = props;
  const { place, width } = useWidth();
  const narrow = width < 420; // a phone
  const card = { ...props.card, width: props.card.width - (narrow ? 14 : 0) };
  const step = card.height + (card.height > 30 ? 8 : 10);
  const tall = Math.max(1, ...columns.map((c) => c.nodes.length));
  const height = HEAD + tall * step + FOOT;
  const least = columns.length * card.width + (columns.length - 1) * (narrow ? 30 : 46);
  const full = Math.max(width - 1, least); // less a pixel: a place's width is rounded
  const gap = columns.length > 1 ? (full - card.width) / (columns.length - 1) : 0;
  const x = (c: number) => c * gap;
  const y = (c: number, n: number) => {
    const count = columns[c]?.nodes.length ?? 0;
    return HEAD + ((tall - count) * step) / 2 + n * step;
  };
  const middle = card.height / 2;
  // The chosen link lies above the others, strong ones above weak ones.
  const order = [...links].sort((a, b) => rank(a) - rank(b));
  return (
    <div class="scroll net" ref={place} tabIndex={0} role="group" aria-label={props.label}>
      {width > 0 ? (
        <svg width={full} height={height} viewBox={`0 0 ${full} ${height}`}>
          {order.map((l) => {
            const from = { x: x(l.column) + card.width, y: y(l.column, l.from) + middle };
            const to = { x: x(l.column + 1), y: y(l.column + 1, l.to) + middle };
            const bend = (to.x - from.x) * 0.45;
            const d = `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
            const size = Math.abs(l.tone);
            return (
              <g key={`${l.column} ${l.from} ${l.to}`} class={`link-${l.value < 0 ? "minus" : "plus"}`}>
                <path
                  d={d}
                  class={l.chosen ? "net-link net-chosen" : "net-link"}
                  stroke-width={l.chosen ? 3.5 : 0.5 + 3.2 * size ** 1.3}
                  stroke-opacity={l.chosen ? 1 : (l.dim ? 0.3 : 1) * (0.08 + 0.82 * size ** 1.5)}
                />
                {props.onLink ? (
                  <path
                    d={d}
                    class="net-hit"
                    onClick={() => {
                      const a = columns[l.column]?.nodes[l.from];
                      const b = columns[l.column + 1]?.nodes[l.to];
                      if (a && b) props.onLink?.(l.column, a.index, b.index);
                    }}
                  >
                    <title>{format.number(l.value)}</title>
                  </path>
                ) : null}
              </g>
            );
          })}
          {columns.map((column, c) => (
            <g key={c}>
              <text class="net-title" x={anchor(c, columns.length, x(c), card.width)} y={14} text-anchor={align(c, columns.length)}>
                {column.title}
              </text>
              <text class="net-note" x={anchor(c, columns.length, x(c), card.width)} y={30} text-anchor={align(c, columns.length)}>
                {column.note}
              </text>
              {column.nodes.map((node, n) => (
                <Node key={node.index} node={node} x={x(c)} y={y(c, n)} card={card} onClick={() => props.onNode?.(c, node.index)} />
              ))}
              {column.nodes.length < column.size ? (
                <text class="net-note" x={anchor(c, columns.length, x(c), card.width)} y={y(c, column.nodes.length) + 10} text-anchor={align(c, columns.length)}>
                  {format.number(column.size - column.nodes.length, 9)} more
                </text>
              ) : null}
            </g>
          ))}
        </svg>
      ) : null}
    </div>
  );
}

function rank(l: NetLink): number {
  return l.chosen ? 3 : l.dim ? Math.abs(l.tone) - 1 : Math.abs(l.tone);
}

// The outer columns' words stay inside the drawing.
function align(c: number, n: number): "start" | "middle" | "end" {
  return c === 0 ? "start" : c === n - 1 ? "end" : "middle";
}

function anchor(c: number, n: number, x: number, width: number): number {
  return c === 0 ? x : c === n - 1 ? x + width : x + width / 2;
}

// Names of columns often differ at their ends alone.
function clip(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 5).join("")}…${letters.slice(-4).join("")}`;
}

function Node(props: {
  node: NetNode;
  x: number;
  y: number;
  card: { width: number; height: number };
  onClick: () => void;
}) {
  const { node, x, y, card } = props;
  const strength = 0.15 + 0.85 * Math.min(1, Math.abs(node.tone));
  const most = Math.floor((card.width - 16) / 6.6); // letters beside the tone
  const rows = node.lines.length + (node.name ? 1 : 0);
  const lead = Math.min(14.5, (card.height - 6) / Math.max(1, rows));
  const top = y + (card.height - rows * lead) / 2 + lead * 0.76;
  return (
    <g class={`net-node ${node.chosen ? "net-chosen" : ""} ${node.dim ? "net-dim" : ""}`} onClick={props.onClick}>
      <title>{[node.name ?? `unit ${node.index}`, ...node.lines.map(([k, v]) => `${k} ${v}`)].join("\n")}</title>
      <rect class="net-card" x={x + 0.5} y={y + 0.5} width={card.width - 1} height={card.height - 1} rx={6} />
      {node.tone === 0 ? null : (
        <rect
          class={node.tone < 0 ? "net-tone net-minus" : "net-tone net-plus"}
          x={x + 2.5} y={y + 4} width={5} height={card.height - 8} rx={2.5} fill-opacity={strength}
        />
      )}
      {node.name ? (
        <text class="net-name" x={x + 12} y={top}>
          {clip(node.name, most)}
        </text>
      ) : null}
      {node.lines.map(([key, value], i) => (
        <g key={key}>
          <text class="net-key" x={x + 12} y={top + (i + (node.name ? 1 : 0)) * lead}>
            {key}
          </text>
          <text class="net-value" x={x + card.width - 7} y={top + (i + (node.name ? 1 : 0)) * lead} text-anchor="end">
            {value}
          </text>
        </g>
      ))}
    </g>
  );
}

// How much of the largest, with its sign: tones of links and nodes.
export function tones(values: number[]): (x: number) => number {
  let most = 0;
  for (const x of values) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return (x) => (most > 0 && Number.isFinite(x) ? x / most : 0);
}
