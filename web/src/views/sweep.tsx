// One feature moved through its range while the others stay: how the answer responds.

import { useEffect, useRef, useState } from "preact/hooks";
import { postJson, words } from "../api";
import * as format from "../format";
import { Panel } from "../parts";
import { path, Plot, span } from "../plots";
import { setQuery, type Route } from "../route";
import type { Feature, Model, Prediction } from "../types";

const POINTS = 60;
const CLASSES = 6; // lines that can be told apart
const WAIT_MS = 200;

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

type Row = Record<string, string | number | null>;

function sweepable(f: Feature): boolean {
  if (f.encoding === "dropped") return false;
  if (f.categories && f.categories.length > 0) return f.categories.length > 1;
  return typeof f.min === "number" && typeof f.max === "number" && f.max > f.min;
}

function valuesOf(f: Feature): (string | number)[] {
  if (f.categories && f.categories.length > 0) return f.categories.slice(0, 20);
  const min = f.min ?? 0;
  const max = f.max ?? 1;
  return Array.from({ length: POINTS }, (_, i) => min + ((max - min) * i) / (POINTS - 1));
}

// The numbers of an answer by what they are of: classes, or targets.
function numbersOf(p: Prediction | undefined, target: string): Record<string, number> {
  const found: Record<string, number> = {};
  const given = p?.probabilities ?? p?.values ?? (p?.value === undefined ? {} : { [target]: p.value });
  for (const [key, x] of Object.entries(given)) if (typeof x === "number") found[key] = x;
  return found;
}

export function Sweep({ model, route, row }: { model: Model; route: Route; row: Row }) {
  const features = (model.features ?? []).filter(sweepable);
  const feature = features.find((f) => f.name === route.query.get("sweep")) ?? features[0];
  const [answers, setAnswers] = useState<{ of: string; at: (string | number)[]; got: Prediction[] } | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const asked = useRef(0);
  const question = feature ? JSON.stringify({ feature: feature.name, row: { ...row, [feature.name]: null } }) : "";

  useEffect(() => {
    if (!feature) return undefined;
    const turn = ++asked.current;
    const timer = window.setTimeout(() => {
      const at = valuesOf(feature);
      const instances = at.map((value) => ({ ...row, [feature.name]: value }));
      postJson<{ predictions?: Prediction[] }>(`/models/${model.id}/predict`, JSON.stringify({ instances })).then(
        (got) => {
          if (turn !== asked.current) return;
          setAnswers({ of: feature.name, at, got: got.predictions ?? [] });
          setFailure(null);
        },
        (e: unknown) => turn === asked.current && setFailure(e),
      );
    }, WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [question, model.id, model.epoch]);

  if (!feature) return null;
  return (
    <Panel
      title="What one column does"
      class="sweep"
      aside={
        <label class="inline">
          <span>Move</span>
          <select value={feature.name} onChange={(e) => setQuery({ sweep: e.currentTarget.value })}>
            {features.map((f) => (
              <option key={f.name} value={f.name}>
                {f.name}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {failure ? <p class="quiet">{words(failure)}</p> : null}
      {answers && answers.of === feature.name ? (
        <Response model={model} feature={feature} at={answers.at} got={answers.got} now={row[feature.name] ?? null} />
      ) : null}
    </Panel>
  );
}

function Response(props: {
  model: Model;
  feature: Feature;
  at: (string | number)[];
  got: Prediction[];
  now: string | number | null;
}) {
  const { model, feature, at, got, now } = props;
  const target = model.target?.names?.[0] ?? "prediction";
  const rows = got.map((p) => numbersOf(p, target));
  const all = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  // The ones that ever matter most; of two classes the second says it all.
  const reach = (key: string) => Math.max(...rows.map((r) => r[key] ?? 0));
  const classes = model.classes ?? null;
  const shown =
    classes?.length === 2 && all.length === 2
      ? all.filter((key) => key === classes[1])
      : [...all].sort((a, b) => reach(b) - reach(a)).slice(0, CLASSES).sort((a, b) => all.indexOf(a) - all.indexOf(b));
  const isShare = got[0]?.probabilities !== undefined;
  const y = isShare ? { min: 0, max: 1, label: "probability" } : span(rows.flatMap((r) => shown.map((k) => r[k] ?? NaN)), shown.length === 1 ? target : "prediction");
  const numeric = typeof at[0] === "number";
  const x = numeric
    ? { min: Number(at[0]), max: Number(at[at.length - 1]), label: feature.name, ...(feature.type === "datetime" ? { words: day } : {}) }
    : { min: -0.5, max: at.length - 0.5, label: feature.name };
  const moment = feature.type === "datetime" && typeof now === "string" ? Date.parse(now) / 1000 : now;
  const place = typeof moment === "number" && numeric ? moment : at.indexOf(now ?? "");
  const step = Math.max(1, Math.ceil(at.length / 8));
  return (
    <figure>
      <figcaption class="response-keys">
        {shown.map((key, i) => (
          <span key={key} class={`series series-${i}`}>
            <i aria-hidden="true" /> {isShare ? `“${key}”` : key}
          </span>
        ))}
      </figcaption>
      <Plot x={x} y={y} label={`How the answer depends on ${feature.name}`} bare={!numeric}>
        {(p) => (
          <>
            {place >= x.min && place <= x.max ? (
              <line class="xy-now" x1={p.x(place)} x2={p.x(place)} y1={p.y(y.min)} y2={p.y(y.max)} />
            ) : null}
            {shown.map((key, i) => (
              <g key={key} class={`series-${i}`}>
                <path class="xy-series" d={path(rows.map((r, n) => [numeric ? Number(at[n]) : n, r[key] ?? 0]), p)} />
                {numeric
                  ? null
                  : rows.map((r, n) => <circle key={n} class="xy-point" cx={p.x(n)} cy={p.y(r[key] ?? 0)} r={4} />)}
              </g>
            ))}
            {numeric
              ? null
              : at.map((value, n) =>
                  n % step === 0 ? (
                    <text key={n} class="xy-tick" x={p.x(n)} y={p.y(y.min) + 15} text-anchor="middle">
                      {[...String(value)].length > 9 ? `${[...String(value)].slice(0, 8).join("")}…` : String(value)}
                    </text>
                  ) : null,
                )}
          </>
        )}
      </Plot>
      <p class="quiet">
        The line upright is where it stands now ({typeof now === "number" ? format.number(now) : String(now ?? "missing")}); the other
        columns stay as they are.
      </p>
    </figure>
  );
}
