// The form of a new job: what is asked first, and what most people leave as it is.

import { useEffect } from "preact/hooks";
import { at, put } from "../jobtree";
import { useResource } from "../poll";
import { setQuery, type Route } from "../route";
import type { Dataset } from "../types";
import { Field, Layers, Problems, type FieldSpec, type Form } from "./fields";

const words = (...names: string[]): [string, string][] => names.map((n) => [JSON.stringify(n), n.replace(/_/g, " ")]);

const NETWORK: FieldSpec[] = [
  {
    pointer: "/architecture/activation", label: "Activation", kind: "choice",
    options: words("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "leaky_relu", "prelu", "mish", "softplus", "softsign", "maxout", "identity"),
  },
  { pointer: "/architecture/dropout", label: "Dropout", kind: "number", min: 0, max: 0.99, hint: "0 to 1" },
  { pointer: "/architecture/batch_norm", label: "Batch norm", kind: "switch" },
  { pointer: "/architecture/residual", label: "Residual", kind: "switch" },
];

const TRAINING: FieldSpec[] = [
  { pointer: "/optimizer/learning_rate", label: "Learning rate", kind: "number", min: 0 },
  {
    pointer: "/optimizer/type", label: "Optimizer", kind: "choice",
    options: words("adam", "adamw", "sgd", "nadam", "radam", "lion", "rmsprop", "adagrad", "adadelta", "rprop", "lbfgs"),
  },
  { pointer: "/training/epochs", label: "Epochs", kind: "number", min: 1, whole: true },
  { pointer: "/training/batch_size", label: "Batch size", kind: "number", min: 1, whole: true },
  {
    pointer: "/schedule/type", label: "Schedule", kind: "choice",
    options: words("constant", "cosine", "one_cycle", "step", "exponential", "polynomial", "inverse_time", "reduce_on_plateau"),
  },
  { pointer: "/training/early_stopping/patience", label: "Patience", kind: "number", min: 1, whole: true, hint: "epochs without gain" },
  { pointer: "/training/seed", label: "Seed", kind: "number", min: 0, whole: true, usual: "random" },
];

const MORE: [title: string, specs: FieldSpec[]][] = [
  [
    "Against learning by heart",
    [
      { pointer: "/optimizer/weight_decay", label: "Weight decay", kind: "number", min: 0 },
      { pointer: "/optimizer/l2", label: "L2", kind: "number", min: 0 },
      { pointer: "/optimizer/l1", label: "L1", kind: "number", min: 0 },
      { pointer: "/training/label_smoothing", label: "Label smoothing", kind: "number", min: 0, max: 1 },
      { pointer: "/training/clip_norm", label: "Clip gradients to", kind: "number", min: 0 },
      { pointer: "/training/class_weight", label: "Class weights", kind: "choice", options: words("balanced") },
      { pointer: "/training/refit", label: "Train again on all", kind: "switch", hint: "with validation rows" },
      { pointer: "/training/record_gradient_norms", label: "Record gradients", kind: "switch", hint: "each layer's, in the curve" },
    ],
  ],
  [
    "Preparation",
    [
      {
        pointer: "/preprocess/numeric", label: "Numbers", kind: "choice",
        options: words("standardize", "auto", "minmax", "robust", "quantile", "piecewise", "log1p", "none"),
      },
      {
        pointer: "/preprocess/categorical", label: "Texts", kind: "choice",
        options: words("one_hot", "auto", "embedding", "ordinal", "hashing"),
      },
      { pointer: "/preprocess/missing", label: "Missing cells", kind: "choice", options: words("mean", "median", "most_frequent", "drop_row", "error") },
      { pointer: "/preprocess/target", label: "Target", kind: "choice", options: words("standardize", "log1p", "none") },
      {
        pointer: "/loss/type", label: "Loss", kind: "choice",
        options: words("cross_entropy", "focal", "mse", "mae", "huber", "quantile", "log_cosh", "poisson", "gamma", "tweedie"),
      },
      { pointer: "/calibration", label: "Calibration", kind: "choice", options: words("temperature", "none") },
    ],
  ],
];

const PRESETS: FieldSpec = {
  pointer: "/preset", label: "Preset", kind: "choice",
  options: [
    ['"simple"', "simple: a plain network"],
    ['"tabular"', "tabular: for good models of tables"],
    ['"images"', "images: for pixels"],
  ],
};

const SPLIT: FieldSpec[] = [
  { pointer: "/data/split/validation", label: "To validate", kind: "number", min: 0, max: 0.9, hint: "share of the rows" },
  { pointer: "/data/split/test", label: "To test", kind: "number", min: 0, max: 0.9, hint: "share of the rows" },
];

export function JobForm({ form, route }: { form: Form; route: Route }) {
  const more = route.query.get("more") === "1";
  return (
    <div class="job-form">
      <Data form={form} />
      <fieldset class="form-section">
        <legend>Network</legend>
        <Layers form={form} />
        <div class="fields fields-job">
          {NETWORK.map((spec) => (
            <Field key={spec.pointer} form={form} spec={spec} />
          ))}
        </div>
      </fieldset>
      <fieldset class="form-section">
        <legend>Training</legend>
        <div class="fields fields-job">
          {TRAINING.map((spec) => (
            <Field key={spec.pointer} form={form} spec={spec} />
          ))}
        </div>
      </fieldset>
      <details
        class="form-section"
        open={more}
        onToggle={(e) => e.currentTarget.open !== more && setQuery({ more: e.currentTarget.open ? "1" : null })}
      >
        <summary>More to choose</summary>
        {MORE.map(([title, specs]) => (
          <fieldset class="form-section" key={title}>
            <legend>{title}</legend>
            <div class="fields fields-job">
              {specs.map((spec) => (
                <Field key={spec.pointer} form={form} spec={spec} />
              ))}
            </div>
          </fieldset>
        ))}
      </details>
    </div>
  );
}

function Data({ form }: { form: Form }) {
  const list = useResource<{ datasets?: Dataset[] }>("/datasets?limit=200").data?.datasets ?? [];
  const chosen = at(form.config, "/data/dataset");
  const inline = at(form.config, "/data/x") !== undefined;
  const named = list.filter((d) => d.name);
  const key = typeof chosen === "string" || typeof chosen === "number" ? String(chosen) : "";
  const known = named.some((d) => d.name === key);
  const wrong = form.problems.filter((p) => p.pointer === "/data/dataset" || p.pointer === "/data");
  return (
    <fieldset class="form-section">
      <legend>Data</legend>
      <div class="fields fields-job">
        <div class={`field ${key ? "given" : ""}`}>
          <label for="job-dataset">Dataset</label>
          <select
            id="job-dataset"
            disabled={form.locked}
            value={inline ? " inline" : key}
            aria-invalid={wrong.length > 0 ? true : undefined}
            onChange={(e) => {
              const name = e.currentTarget.value;
              // Another table has other columns: what was said of those goes.
              const rest = put(form.config, "/data", { dataset: name });
              form.change(put(rest, "/name", undefined), true);
            }}
          >
            {inline ? <option value=" inline">rows in the job itself</option> : null}
            {!inline && !key ? <option value="">choose one</option> : null}
            {key && !known ? <option value={key}>{key}</option> : null}
            {named.map((d) => (
              <option key={d.id} value={d.name ?? ""}>
                {d.name}
              </option>
            ))}
          </select>
          <Problems of={wrong} id="job-dataset-problem" />
        </div>
        {key ? <Target form={form} dataset={key} /> : null}
        <Field form={form} spec={PRESETS} />
        <Field form={form} spec={{ pointer: "/name", label: "Name of the model", kind: "text" }} />
        {SPLIT.map((spec) => (
          <Field key={spec.pointer} form={form} spec={spec} />
        ))}
      </div>
      {key ? <Excluded form={form} dataset={key} /> : null}
    </fieldset>
  );
}

function Target({ form, dataset }: { form: Form; dataset: string }) {
  const { data, error } = useResource<Dataset>(`/datasets/${encodeURIComponent(dataset)}`);
  const columns = data?.columns ?? [];
  const target = at(form.config, "/data/target");
  const wrong = form.problems.filter((p) => p.pointer?.startsWith("/data/target"));
  // The column to learn is most often the last one.
  const last = columns[columns.length - 1]?.name;
  useEffect(() => {
    if (target !== undefined || form.locked) return;
    if (last !== undefined) form.change(put(form.config, "/data/target", last));
    else if (data || error) form.change(form.config);
  }, [last, dataset, error]);
  const several = Array.isArray(target);
  const known = typeof target === "string" && columns.some((c) => c.name === target);
  return (
    <div class="field given">
      <label for="job-target">To predict</label>
      <select
        id="job-target"
        disabled={form.locked || several}
        value={typeof target === "string" ? target : ""}
        aria-invalid={wrong.length > 0 ? true : undefined}
        aria-describedby={wrong.length > 0 ? "job-target-problem" : undefined}
        onChange={(e) => form.change(put(form.config, "/data/target", e.currentTarget.value))}
      >
        {several ? <option value="">{target.join(", ")}</option> : null}
        {!several && !known ? <option value={String(target ?? "")}>{String(target ?? "choose one")}</option> : null}
        {columns.map((c) => (
          <option key={c.name} value={c.name}>
            {c.name}
          </option>
        ))}
      </select>
      <Problems of={wrong} id="job-target-problem" />
    </div>
  );
}

const MOST = 200; // columns to tick

function Excluded({ form, dataset }: { form: Form; dataset: string }) {
  const { data } = useResource<Dataset>(`/datasets/${encodeURIComponent(dataset)}`);
  const target = at(form.config, "/data/target");
  const targets = Array.isArray(target) ? target : [target];
  const columns = (data?.columns ?? []).filter((c) => !targets.includes(c.name));
  const given = at(form.config, "/data/exclude");
  const excluded: unknown[] = Array.isArray(given) ? given : [];
  const wrong = form.problems.filter((p) => p.pointer?.startsWith("/data/exclude"));
  if (columns.length === 0 || columns.length > MOST) return null;
  return (
    <details class="leave-out" open={excluded.length > 0}>
      <summary>
        Columns to learn from{" "}
        <span class="quiet">
          {columns.length - excluded.length} of {columns.length}
        </span>
      </summary>
      <div class="excludes">
        {columns.map((c) => (
          <label key={c.name} class="check">
            <input
              type="checkbox"
              disabled={form.locked}
              checked={!excluded.includes(c.name)}
              onChange={(e) => {
                const rest = excluded.filter((name) => name !== c.name);
                const next = e.currentTarget.checked ? rest : [...rest, c.name];
                form.change(put(form.config, "/data/exclude", next.length > 0 ? next : undefined));
              }}
            />
            {c.name} {c.remark ? <span class="remark-short">{c.identifier ? "identifier?" : c.constant ? "constant" : ""}</span> : null}
          </label>
        ))}
      </div>
      <Problems of={wrong} id="job-exclude-problem" />
    </details>
  );
}
