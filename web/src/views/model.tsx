// One model: its frame, and which of its pages is shown.

import { useState } from "preact/hooks";
import { Delete, Refused } from "../actions";
import { ApiError, getText } from "../api";
import { saveText } from "../download";
import { Action, Missing, Name } from "../parts";
import { useResource } from "../poll";
import { go, type Route } from "../route";
import type { Model } from "../types";
import { EvaluationView } from "./evaluation";
import { ModelAbout } from "./model_about";
import { ModelState } from "./models";
import { PassView } from "./pass";
import { PredictPanel } from "./predict";

const PAGES: [key: string, text: string][] = [
  ["", "What it is"],
  ["evaluation", "How good"],
  ["try", "Try it"],
  ["pass", "See the pass"],
];

// All of it in one file: what the daemon says of it (features with their encoders, classes, metrics),
// its job with the config as given and as resolved, and the weights, each as the daemon wrote it.
async function download(model: Model): Promise<void> {
  const part = (path: string) => getText(path, "application/json");
  const [about, weights, job] = await Promise.all([
    part(`/models/${model.id}`),
    part(`/models/${model.id}/weights`),
    model.job_id ? part(`/jobs/${model.job_id}`).catch(ifGone) : "null",
  ]);
  saveText(`${model.name ?? "model"}-${model.id}.json`, `{"model":${about},"job":${job},"weights":${weights}}`, "application/json");
}

// A model outlives its job.
function ifGone(error: unknown): string {
  if (error instanceof ApiError && error.status === 404) return "null";
  throw error;
}

export function ModelView({ id, route }: { id: string; route: Route }) {
  const { data: model, error } = useResource<Model>(
    `/models/${encodeURIComponent(id)}`,
    // An id is one model for ever; a family's name is the newest one.
    (m) => /^\d+$/.test(id) && m.state !== "training" && m.state !== "pending",
  );
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!model) return <Missing error={error} what={`model ${id}`} />;
  const page = route.parts[2] ?? "";
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/models">Models</a> <span aria-hidden="true">/</span> {model.id}
      </nav>
      <div class="title">
        <h1>
          <span class="id">{model.id}</span> <Name name={model.name} />
        </h1>
        {model.state && model.state !== "ready" ? <ModelState model={model} /> : null}
        <div class="title-actions">
          {model.job_id ? (
            <a class="button small" href={`#/jobs/${model.job_id}`}>
              Its job
            </a>
          ) : null}
          {model.weights_sha256 ? (
            <Action
              label="Download"
              about={`model ${model.id} with its weights and config`}
              onError={setRefusal}
              run={() => download(model)}
            />
          ) : null}
          <Delete what="model" id={model.id} onError={setRefusal} onDeleted={() => go("#/models")} />
        </div>
      </div>
      <Refused why={refusal} onClose={setRefusal} />
      <nav class="pages" aria-label="About this model">
        {PAGES.map(([key, text]) => (
          <a
            key={key}
            href={`#/models/${encodeURIComponent(id)}${key ? `/${key}` : ""}`}
            aria-current={page === key ? "page" : undefined}
          >
            {text}
          </a>
        ))}
      </nav>
      {page === "evaluation" ? (
        <EvaluationView model={model} route={route} />
      ) : page === "try" ? (
        <PredictPanel key={model.id} model={model} route={route} />
      ) : page === "pass" ? (
        <PassView key={model.id} model={model} route={route} />
      ) : (
        <ModelAbout model={model} route={route} />
      )}
    </>
  );
}
