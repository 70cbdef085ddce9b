// Models: the list, and one model with what it is, how good it is, and a form to ask it.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { remove } from "../api";
import * as format from "../format";
import * as of from "../metrics";
import {
  Action, Age, DatasetLink, Missing, Name, Notice, Panel, shortHash, Tile,
} from "../parts";
import { refresh, useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import type { Model, SplitMetrics } from "../types";
import { PredictPanel } from "./predict";

interface ModelList {
  models?: Model[];
  next_page_token?: string | null;
}

const SPLITS = ["test", "validation", "training"];

// The two numbers that say most, from the most honest part of the data there is.
function KeyMetrics({ metrics }: { metrics: Model["metrics"] }) {
  const split = SPLITS.find((name) => Object.keys(metrics?.[name] ?? {}).length > 0);
  const values = split ? metrics?.[split] : null;
  if (!split || !values) return <span class="quiet">{format.NONE}</span>;
  return (
    <>
      {of
        .names([values])
        .slice(0, 2)
        .map((name) => (
          <Fragment key={name}>
            <span class="key-metric">
              {format.metricName(name)} <b>{format.metric(name, of.value(values, name))}</b>
            </span>{" "}
          </Fragment>
        ))}
      <span class="quiet nowrap">on {split} data</span>
    </>
  );
}

function shapeWords(model: Model): string {
  const a = model.architecture;
  if (!a) return format.NONE;
  const hidden = (a.hidden ?? []).map((layer) => layer.units);
  return [a.inputs, ...hidden, a.outputs].filter((n) => n !== undefined).join(" → ");
}

export function ModelsView({ route }: { route: Route }) {
  const limit = Math.min(500, Math.max(50, Number(route.query.get("limit")) || 50));
  const { data, error } = useResource<ModelList>(`/models?limit=${limit}`);
  if (!data) return <Missing error={error} what="models" />;
  const models = data.models ?? [];
  const withShape = models.some((model) => model.architecture);
  if (models.length === 0) {
    return (
      <div class="welcome">
        <h1>No models yet</h1>
        <p>
          Every training job makes one, and it answers as soon as it has weights.{" "}
          <a href="#/new">Start a job.</a>
        </p>
      </div>
    );
  }
  return (
    <>
      <h1>Models</h1>
      <table class="list models">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Quality</th>
            {withShape ? <th scope="col">Layers</th> : null}
            <th scope="col" class="num">
              Parameters
            </th>
            <th scope="col">Dataset</th>
            <th scope="col">Created</th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.id} data-model={model.id}>
              <td class="cell-main">
                <a class="row-link" href={`#/models/${model.id}`}>
                  <span class="id">{model.id}</span> <Name name={model.name} />
                </a>
              </td>
              <td data-label="Quality">
                {model.state && model.state !== "ready" ? (
                  <ModelState model={model} />
                ) : null}
                {model.state === "failed" ? null : <KeyMetrics metrics={model.metrics} />}
              </td>
              {withShape ? <td data-label="Layers">{shapeWords(model)}</td> : null}
              <td data-label="Parameters" class="num">
                {format.number(model.parameters, 9)}
              </td>
              <td data-label="Dataset">
                <DatasetLink of={model.dataset} />
              </td>
              <td data-label="Created" class="quiet nowrap">
                <Age at={model.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {data.next_page_token && limit < 500 ? (
        <p class="more">
          <button type="button" onClick={() => setQuery({ limit: String(limit * 2) })}>
            Show older models
          </button>
        </p>
      ) : null}
    </>
  );
}

export function ModelView({ id, route }: { id: string; route: Route }) {
  const { data: model, error } = useResource<Model>(
    `/models/${encodeURIComponent(id)}`,
    // An id is one model for ever; a family's name is the newest one.
    (m) => /^\d+$/.test(id) && m.state !== "training" && m.state !== "pending",
  );
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!model) return <Missing error={error} what={`model ${id}`} />;
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/models">Models</a> <span aria-hidden="true">/</span> {model.id}
      </nav>
      <div class="title">
        <h1>
          <span class="id">{model.id}</span> <Name name={model.name} />
        </h1>
        {model.state && model.state !== "ready" ? (
          <ModelState model={model} />
        ) : null}
        <div class="title-actions">
          {model.job_id ? (
            <a class="button small" href={`#/jobs/${model.job_id}`}>
              Its job
            </a>
          ) : null}
          <Action
            label="Delete"
            about={`model ${model.id}`}
            confirm="Really delete?"
            kind="danger"
            onError={setRefusal}
            run={async () => {
              await remove(`/models/${model.id}`);
              go("#/models");
              refresh();
            }}
          />
        </div>
      </div>
      {refusal ? (
        <Notice kind="error" onClose={() => setRefusal(null)}>
          {refusal}
        </Notice>
      ) : null}
      <div class="columns columns-model">
        <PredictPanel key={model.id} model={model} route={route} />
        <div>
          {model.metrics && Object.keys(model.metrics).length > 0 ? (
            <Panel title="How good it is">
              <MetricsTable metrics={model.metrics} />
            </Panel>
          ) : null}
          <About model={model} />
        </div>
      </div>
    </>
  );
}

function ModelState({ model }: { model: Model }) {
  const training = model.state === "training" || model.state === "pending";
  return (
    <span class={`state state-other ${training ? "state-running" : ""}`}>
      {model.state === "training" && model.epoch
        ? `training, epoch ${format.number(model.epoch)}`
        : model.state === "failed"
          ? "no weights" // its job failed or was cancelled before the first epoch was done
          : model.state}
    </span>
  );
}

// Why a metric is absent: once where all parts agree, else by part.
function reasons(
  metrics: Record<string, SplitMetrics | null>, splits: string[], name: string,
): string[] {
  const told = splits.map((split) => of.note(metrics[split], name));
  const words = splits.flatMap((split, i) => (told[i] ? [`${split}: ${told[i]}`] : []));
  return told[0] && told.every((why) => why === told[0]) ? [told[0]] : words;
}

export function MetricsTable({ metrics }: { metrics: Record<string, SplitMetrics | null> }) {
  const splits = [...SPLITS].reverse().filter((split) => metrics[split]);
  const names = of.names(splits.map((split) => metrics[split]));
  return (
    <table class="plain metrics">
      <thead>
        <tr>
          <th scope="col">
            <span class="sr-only">Metric</span>
          </th>
          {splits.map((split) => (
            <th scope="col" class="num" key={split}>
              {split}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">
              {format.metricName(name)}
              {reasons(metrics, splits, name).map((reason) => (
                <span class="reason" key={reason}>
                  {reason}
                </span>
              ))}
            </th>
            {splits.map((split) => (
              <td class="num" key={split} title={of.note(metrics[split], name) ?? undefined}>
                {format.metric(name, of.value(metrics[split], name))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function About({ model }: { model: Model }) {
  const a = model.architecture;
  const versions = Object.entries(model.versions ?? {});
  return (
    <Panel title="What it is">
      <dl class="tiles tiles-flat">
        <Tile label="Layers" value={shapeWords(model)} />
        <Tile label="Parameters" value={format.number(model.parameters, 9)} />
        {model.loss ? <Tile label="Loss" value={format.metricName(model.loss)} /> : null}
        <Tile label="Dataset" value={<DatasetLink of={model.dataset} />} />
      </dl>
      <dl class="facts">
        {a?.hidden && a.hidden.length > 0 ? (
          <Fact name="Hidden layers">
            {a.hidden.map((layer) => `${layer.units} ${layer.activation ?? ""}`.trim()).join(", ")}
          </Fact>
        ) : null}
        {a?.output ? <Fact name="Output">{a.output}</Fact> : null}
        {model.target?.names ? (
          <Fact name={model.target.names.length > 1 ? "Targets" : "Target"}>
            {model.target.names.join(", ")}
          </Fact>
        ) : null}
        {model.seed !== null && model.seed !== undefined ? (
          <Fact name="Seed">{String(model.seed)}</Fact>
        ) : null}
        {model.weights_sha256 ? (
          <Fact name="Weights">
            <code title={model.weights_sha256}>{shortHash(model.weights_sha256)}</code>
          </Fact>
        ) : null}
        {versions.length > 0 ? (
          <Fact name="Made by">
            {versions.map(([name, version]) => `${name} ${version}`).join(", ")}
          </Fact>
        ) : null}
      </dl>
    </Panel>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
