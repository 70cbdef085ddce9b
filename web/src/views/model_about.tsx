// What a model is: its network, its weights, what goes in and what that is worth, where it is from.

import * as format from "../format";
import { DatasetLink, Panel, shortHash, Tile } from "../parts";
import { useResource } from "../poll";
import { setQuery, type Route } from "../route";
import type { Feature, Model } from "../types";
import { MetricsTable } from "./metrics";
import { NetworkPanel } from "./model_network";
import { WeightsSpread } from "./model_spread";
import { shapeWords } from "./models";

export function ModelAbout({ model, route }: { model: Model; route: Route }) {
  const metrics = model.metrics ?? {};
  return (
    <>
      <dl class="tiles">
        <Tile label="Layers" value={shapeWords(model.architecture)} />
        <Tile label="Parameters" value={format.number(model.parameters, 9)} />
        {model.target?.names ? (
          <Tile
            label={model.target.names.length > 1 ? "Targets" : "Target"}
            value={clipped(model.target.names)}
            note={model.classes ? format.count(model.classes.length, "class", "classes") : "a number"}
          />
        ) : null}
        {model.loss ? <Tile label="Loss" value={format.metricName(model.loss)} /> : null}
      </dl>
      {model.parameters ? (
        <>
          <NetworkPanel model={model} />
          <WeightsSpread model={model} route={route} />
        </>
      ) : null}
      <div class="columns">
        <div>
          {Object.keys(metrics).length > 0 ? (
            <Panel title="Metrics" aside={<a href={`#/models/${model.id}/evaluation`}>more of it</a>}>
              <MetricsTable metrics={metrics} />
            </Panel>
          ) : null}
          <Provenance model={model} />
        </div>
        <Features model={model} all={route.query.get("all") === "1"} />
      </div>
    </>
  );
}

function clipped(names: string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}

function Provenance({ model }: { model: Model }) {
  const t = model.training;
  const rows = Object.entries(t?.rows ?? {}).filter(([, n]) => (n ?? 0) > 0);
  const versions = Object.entries(model.versions ?? {});
  const sha = typeof model.dataset === "object" ? model.dataset?.sha256 : null;
  const facts: [string, preact.ComponentChildren][] = [["Dataset", <DatasetLink of={model.dataset} />]];
  if (sha) facts.push(["Its content", <code title={sha}>sha256 {shortHash(sha)}…</code>]);
  if (rows.length > 0) facts.push(["Rows", rows.map(([split, n]) => `${format.number(n, 12)} ${split}`).join(", ")]);
  if (t?.optimizer?.type)
    facts.push(["Optimizer", `${t.optimizer.type}, rate ${format.number(t.optimizer.learning_rate)}`]);
  if (t?.epochs)
    facts.push([
      "Epochs",
      `${format.number(t.epochs, 9)} of ${format.count(t.batch_size, "row")} a step${t.best_epoch ? `, best ${format.number(t.best_epoch, 9)}` : ""}`,
    ]);
  if (t?.seconds !== undefined) facts.push(["Took", format.duration(t.seconds)]);
  if (model.seed !== null && model.seed !== undefined) facts.push(["Seed", String(model.seed)]);
  if (model.calibration?.temperature)
    facts.push(["Calibrated", `temperature ${format.number(model.calibration.temperature)}`]);
  if (model.threshold?.value !== undefined && model.threshold !== null)
    facts.push(["Threshold", `${format.number(model.threshold.value)}${model.threshold.metric ? `, best for ${format.metricName(model.threshold.metric)}` : ""}`]);
  if (model.weights_sha256)
    facts.push(["Weights", <code title={model.weights_sha256}>sha256 {shortHash(model.weights_sha256)}…</code>]);
  if (versions.length > 0) facts.push(["Made by", versions.map(([name, version]) => `${name} ${version}`).join(", ")]);
  return (
    <Panel
      title="Where it is from"
      aside={model.job_id ? <a href={`#/jobs/${model.job_id}?config=resolved`}>its config</a> : null}
    >
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

interface FeatureWorth {
  name: string;
  loss_increase: number | null;
  loss_std: number | null; // over the repeats
  score_drop: number | null;
  score_std: number | null;
}

interface Importance {
  split: string;
  rows: number;
  repeats: number;
  loss: { name: string; baseline: number | null };
  score: { name: string; baseline: number | null };
  features: FeatureWorth[];
  note?: string | null;
}

const SHOWN = 12; // features, until all are asked for

function encodingWords(f: Feature): string {
  const words: string[] = [(f.encoding ?? f.type ?? "").replace(/_/g, " ")];
  if (f.encoding === "soft") words[0] = "standardize, softly limited";
  if (f.bins) words.push(`${f.bins} bins`);
  if (f.embedding) words.push(`${f.embedding} learnt numbers`);
  else if ((f.inputs ?? 0) > 1) words.push(format.count(f.inputs, "input"));
  if (f.missing_indicator) words.push("says what is missing");
  return words.join(", ");
}

function valueWords(f: Feature): string {
  if (f.categories) {
    const shown = f.categories.slice(0, 4).map((c) => c || "(empty)").join(", ");
    return f.categories.length > 4 ? `${shown} and ${f.categories.length - 4} more` : shown;
  }
  if (typeof f.min === "number" && typeof f.max === "number")
    return `${format.number(f.min)} to ${format.number(f.max)}, mean ${format.number(f.mean)}`;
  return "";
}

function signed(x: number): string {
  return `${x > 0 ? "+" : ""}${format.number(x, 3)}`;
}

// What the loss grows by without a column: a bar, over its end how far the repeats were apart.
function Worth({ of, most, score }: { of: FeatureWorth | undefined; most: number; score: string }) {
  const x = of?.loss_increase ?? null;
  if (!of || x === null) return <td class="importance">{format.NONE}</td>;
  const spread = of.loss_std ?? 0;
  const [from, to] = [x - spread, x + spread].map((end) => (Math.max(0, end) / most) * 100) as [number, number];
  const drop = of.score_drop === null ? "" : `; ${format.metricName(score)} ${signed(-of.score_drop)} ± ${format.number(of.score_std, 2)}`;
  return (
    <td class="importance" title={`loss ${signed(x)} ± ${format.number(spread, 2)}${drop}`}>
      <span class="meter" aria-hidden="true">
        <i style={{ width: `${(Math.max(0, x) / most) * 100}%` }} />
        {to > 0 ? <s style={{ left: `${from}%`, width: `${to - from}%` }} /> : null}
      </span>
      <span class="num">
        {signed(x)} <span class="quiet">± {format.number(spread, 2)}</span>
      </span>
    </td>
  );
}

function Features({ model, all }: { model: Model; all: boolean }) {
  if ((model.features ?? []).length === 0) return null;
  return model.has_importance ? <Weighed model={model} all={all} /> : <FeatureTable model={model} all={all} data={null} />;
}

function Weighed({ model, all }: { model: Model; all: boolean }) {
  const { data } = useResource<Importance>(`/models/${model.id}/importance`, () => true);
  return <FeatureTable model={model} all={all} data={data} />;
}

function FeatureTable({ model, all, data }: { model: Model; all: boolean; data: Importance | null }) {
  const features = model.features ?? [];
  const rank = new Map((data?.features ?? []).map((f, i) => [f.name, { i, ...f }]));
  const most = Math.max(1e-12, ...(data?.features ?? []).map((f) => (f.loss_increase ?? 0) + (f.loss_std ?? 0)));
  const order = data
    ? [...features].sort((a, b) => (rank.get(a.name)?.i ?? 1e9) - (rank.get(b.name)?.i ?? 1e9))
    : features;
  return (
    <Panel title="What it looks at" class="features">
      {data ? (
        <p class="quiet">
          How much worse {format.metricName(data.loss.name)} on {data.split} data gets ({format.number(data.loss.baseline)} as
          it is) when a column's values are mixed up among the rows, {data.repeats} times.
        </p>
      ) : null}
      <table class="plain features-table">
        <thead>
          <tr>
            <th scope="col">Column</th>
            {data ? <th scope="col">Importance</th> : null}
            <th scope="col">Goes in as</th>
          </tr>
        </thead>
        <tbody>
          {(all ? order : order.slice(0, SHOWN)).map((f) => {
            const found = rank.get(f.name);
            return (
              <tr key={f.name}>
                <th scope="row">
                  <span class="feature-name">{f.name}</span>
                  <span class="reason">{valueWords(f)}</span>
                </th>
                {data ? <Worth of={found} most={most} score={data.score.name} /> : null}
                <td class="quiet">{encodingWords(f)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {order.length > SHOWN ? (
        <p class="more">
          <button type="button" onClick={() => setQuery({ all: all ? null : "1" })}>
            {all ? "Show fewer" : `Show all ${format.number(order.length, 9)}`}
          </button>
        </p>
      ) : null}
      {data?.note ? <p class="quiet">{data.note}</p> : null}
    </Panel>
  );
}
