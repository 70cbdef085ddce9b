// Models: the list.

import * as format from "../format";
import { Pages, pageQuery } from "../pages";
import { Age, DatasetLink, Find, Missing, Name } from "../parts";
import { useResource } from "../poll";
import type { Route } from "../route";
import type { DatasetRef, Layer, Model } from "../types";
import { KeyMetrics } from "./metrics";

interface ModelRow extends Omit<Model, "architecture"> {
  architecture?: { inputs?: number; hidden?: (number | Layer)[]; outputs?: number } | null;
}

interface ModelList {
  models?: ModelRow[];
  next_page_token?: string | null;
}

export function shapeWords(a: ModelRow["architecture"]): string {
  if (!a) return format.NONE;
  const hidden = (a.hidden ?? []).map((layer) => (typeof layer === "number" ? layer : layer.units));
  return [a.inputs, ...hidden, a.outputs].filter((n) => n !== undefined).join(" → ");
}

export function ModelState({ model }: { model: Pick<Model, "state" | "epoch"> }) {
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

export function ModelsView({ route }: { route: Route }) {
  const { data, error } = useResource<ModelList>(`/models?${pageQuery(route, 50)}`);
  if (!data) return <Missing error={error} what="models" />;
  const all = data.models ?? [];
  if (all.length === 0 && !route.query.get("page")) {
    return (
      <div class="welcome">
        <h1>No models yet</h1>
        <p>
          Every training job makes one, and it answers as soon as it has weights. <a href="#/new">Start a job.</a>
        </p>
      </div>
    );
  }
  const find = route.query.get("find") ?? "";
  const name = (of: DatasetRef | string | null | undefined) => (typeof of === "string" ? of : (of?.name ?? ""));
  const models = all.filter((m) =>
    `${m.id} ${m.name ?? ""} ${name(m.dataset)}`.toLowerCase().includes(find.toLowerCase()),
  );
  const withShape = models.some((model) => model.architecture);
  return (
    <>
      <h1>Models</h1>
      {all.length > 12 || find !== "" ? (
        <Find value={find} hint="a name or a dataset" found={format.count(models.length, "model")} />
      ) : null}
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
                {model.state && model.state !== "ready" ? <ModelState model={model} /> : null}
                {model.state === "failed" ? null : <KeyMetrics metrics={model.metrics} />}
              </td>
              {withShape ? <td data-label="Layers">{shapeWords(model.architecture)}</td> : null}
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
      <Pages route={route} shown={all.length} what="model" next={data.next_page_token} />
    </>
  );
}
