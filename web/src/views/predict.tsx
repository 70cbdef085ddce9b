// Asking a model: a field for each feature, or the whole row as text, and the answer.
//
// A field left empty means the model's example, which it shows. What is filled in is in the URL, so
// a question can be sent to somebody. Every change asks again.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, postJson, words } from "../api";
import * as format from "../format";
import { Choice, CopyButton, Notice, Panel, type SubmitEvent } from "../parts";
import { unescapePointer } from "../pointer";
import { setQuery, type Route } from "../route";
import type { Feature, Model, Prediction } from "../types";
import { Sweep } from "./sweep";

const MANY = 80; // features; above, only the row as text
const SLIDERS = 12; // features; above, fields alone
const PREFIX = "in.";
const WAIT_MS = 150;

interface Answer {
  model_id?: number;
  state?: string;
  epoch?: number;
  predictions?: Prediction[];
}

type Cell = string | number | null;

function isNumeric(feature: Feature): boolean {
  return !feature.categories && (feature.type === undefined || feature.type === "numeric");
}

// What stands for the feature when nothing is filled in.
function example(feature: Feature): string {
  if (feature.example !== undefined && feature.example !== null) return String(feature.example);
  if (!isNumeric(feature)) return feature.categories?.[0] ?? "";
  const mean = feature.mean ?? feature.min ?? 0;
  return format.plain(mean);
}

function cell(feature: Feature, text: string | undefined): Cell {
  const value = text === undefined || text === "" ? example(feature) : text;
  if (!isNumeric(feature)) return value === "" && !feature.categories?.includes("") ? null : value;
  const x = Number(value);
  return Number.isNaN(x) ? value : x; // the daemon says best what is wrong with a text
}

// One line of CSV; quotes as in RFC 4180.
function splitRow(text: string): string[] {
  const cells: string[] = [];
  let current = "";
  let quoted = false;
  const line = text.trim();
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quoted) {
      if (c !== '"') current += c;
      else if (line.charAt(i + 1) === '"') {
        current += c;
        i++;
      } else quoted = false;
    } else if (c === '"' && current.trim() === "") {
      quoted = true;
      current = "";
    } else if (c === "," || c === ";" || c === "\t") {
      cells.push(current.trim());
      current = "";
    } else current += c;
  }
  cells.push(current.trim());
  return cells;
}

function joinRow(cells: Cell[]): string {
  return cells
    .map((c) => (typeof c === "string" && /[",;\t]/.test(c) ? `"${c.replace(/"/g, '""')}"` : String(c)))
    .join(", ");
}

// The question as a shell command; GET, one feature a parameter.
function curlText(model: Model, features: Feature[], row: Cell[]): string {
  const query = features
    .map((f, i) => `${encodeURIComponent(f.name)}=${encodeURIComponent(String(row[i] ?? ""))}`)
    .join("&");
  const url = `${window.location.origin}/models/${model.id}/predict?${query}`;
  return `curl '${url.replace(/'/g, "%27")}'`;
}

export function PredictPanel({ model, route }: { model: Model; route: Route }) {
  const features = model.features ?? [];
  const [values, setValues] = useState<Record<string, string>>(() => {
    const given: Record<string, string> = {};
    for (const [key, value] of route.query) if (key.startsWith(PREFIX)) given[key.slice(PREFIX.length)] = value;
    return given;
  });
  const [text, setText] = useState<string | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const asked = useRef(0);
  const asRow = features.length > MANY || route.query.get("form") === "row";

  const fromFields = features.map((f) => cell(f, values[f.name]));
  const row: Cell[] =
    asRow && text !== null
      ? splitRow(text).map((t, i) => {
          const f = features[i];
          return f ? cell(f, t) : t;
        })
      : fromFields;

  const offset = model.offset ? { [model.offset]: model.example?.[model.offset] ?? 0 } : {};
  async function ask(): Promise<void> {
    const turn = ++asked.current;
    const instance =
      asRow || row.length !== features.length
        ? row
        : { ...offset, ...Object.fromEntries(features.map((f, i) => [f.name, row[i] ?? null])) };
    try {
      const got = await postJson<Answer>(
        `/models/${model.id}/predict`,
        JSON.stringify({ instances: [instance] }),
      );
      if (turn !== asked.current) return;
      setAnswer(got);
      setFailure(null);
    } catch (e) {
      if (turn !== asked.current) return;
      setFailure(e);
    }
  }

  const question = JSON.stringify(row);
  useEffect(() => {
    if (features.length === 0) return undefined;
    const timer = window.setTimeout(() => void ask(), asked.current === 0 ? 0 : WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [question, model.epoch, features.length === 0]);

  function change(name: string, value: string) {
    setValues({ ...values, [name]: value });
    setQuery({ [PREFIX + name]: value });
  }

  function reset() {
    setQuery(Object.fromEntries(Object.keys(values).map((name) => [PREFIX + name, null])));
    setValues({});
  }

  const wrong = useMemo(() => fieldProblems(failure, features), [failure, features]);
  const rest = failure instanceof ApiError ? wrong.rest : failure ? [words(failure)] : [];

  if (features.length === 0) {
    return (
      <Panel title="Try it">
        <p class="quiet">
          {model.state === "failed"
            ? "It cannot answer: its job ended before the first epoch was done."
            : "It answers as soon as its job has finished the first epoch."}
        </p>
      </Panel>
    );
  }
  const asObject = { ...offset, ...Object.fromEntries(features.map((f, i) => [f.name, row[i] ?? null])) };
  const changed = Object.values(values).some((v) => v !== "");
  return (
    <div class="columns columns-model">
      <Panel
        title="A row"
        class="predict"
        aside={
          features.length <= MANY ? (
            <Choice
              label="Form"
              value={asRow ? "row" : "fields"}
              options={[
                ["fields", "fields"],
                ["row", "row"],
              ]}
              onChange={(value) => setQuery({ form: value === "row" ? value : null })}
            />
          ) : null
        }
      >
        <form
          onSubmit={(e: SubmitEvent) => {
            e.preventDefault();
            void ask();
          }}
        >
          {asRow ? (
            <label class="field wide">
              <span>
                One row, {format.count(features.length, "value")} in this order:{" "}
                <span class="quiet">
                  {features.slice(0, 12).map((f) => f.name).join(", ")}
                  {features.length > 12 ? ", …" : ""}
                </span>
              </span>
              <textarea
                rows={Math.min(8, 2 + Math.floor(features.length / 12))}
                spellcheck={false}
                value={text ?? joinRow(fromFields)}
                onInput={(e) => setText(e.currentTarget.value)}
              />
            </label>
          ) : (
            <div class={`fields ${features.length > 16 ? "fields-small" : ""}`}>
              {features.map((f, i) => f.encoding === "dropped" ? null : ( // nothing is made of it
                <Field
                  key={f.name}
                  id={`f${i}`}
                  feature={f}
                  value={values[f.name] ?? ""}
                  problem={wrong.fields[f.name]}
                  slides={features.length <= SLIDERS}
                  onChange={(value) => change(f.name, value)}
                />
              ))}
            </div>
          )}
          <div class="form-foot">
            <button type="submit" class="primary">
              Predict
            </button>
            {changed && !asRow ? (
              <button type="button" onClick={reset}>
                Back to the example
              </button>
            ) : null}
            <CopyButton text={curlText(model, features, row)} label="Copy as curl" />
          </div>
        </form>
      </Panel>
      <div>
        <Panel title={model.target?.names?.join(", ") ?? "Prediction"} class="prediction">
          {rest.length > 0 ? (
            <Notice kind="error" title="No prediction.">
              <ul>
                {rest.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </Notice>
          ) : null}
          <div class={`answer ${failure ? "stale" : ""}`} aria-live="polite">
            {answer?.predictions?.[0] ? (
              <Outcome prediction={answer.predictions[0]} model={model} answer={answer} />
            ) : null}
          </div>
        </Panel>
        {asRow && row.length !== features.length ? null : <Sweep model={model} route={route} row={asObject} />}
      </div>
    </div>
  );
}

function fieldProblems(failure: unknown, features: Feature[]) {
  const fields: Record<string, string> = {};
  const rest: string[] = [];
  if (failure instanceof ApiError) {
    const known = new Set(features.map((f) => f.name));
    for (const problem of failure.problems) {
      const name = unescapePointer(problem.pointer ?? "").pop() ?? "";
      const detail = problem.detail ?? failure.message;
      if (known.has(name)) fields[name] = detail;
      else rest.push(problem.pointer ? `${problem.pointer}: ${detail}` : detail);
    }
    if (failure.problems.length === 0) rest.push(failure.message);
  }
  return { fields, rest };
}

function Field(props: {
  id: string;
  feature: Feature;
  value: string;
  problem: string | undefined;
  slides: boolean;
  onChange: (value: string) => void;
}) {
  const { id, feature, value, problem, onChange } = props;
  const hint = rangeWords(feature);
  const choices = feature.categories && feature.categories.length > 0 ? feature.categories : null;
  const described = `${problem ? `${id}-problem ` : ""}${hint ? `${id}-hint` : ""}`.trim();
  const common = {
    id,
    "aria-invalid": problem ? true : undefined,
    "aria-describedby": described || undefined,
  };
  return (
    <div class={`field ${problem ? "invalid" : ""}`}>
      <label for={id} title={feature.name}>
        {feature.name}
      </label>
      {isNumeric(feature) ? (
        <>
        <input
          {...common}
          type="number"
          step="any"
          inputMode="decimal"
          placeholder={example(feature)}
          value={value}
          onInput={(e) => onChange(e.currentTarget.value)}
        />
        {props.slides && typeof feature.min === "number" && typeof feature.max === "number" ? (
          <input
            type="range"
            aria-label={`${feature.name}, slider`}
            min={feature.min}
            max={feature.max}
            step={sliderStep(feature.min, feature.max)}
            value={value === "" ? example(feature) : value}
            onInput={(e) => onChange(format.plain(Number(e.currentTarget.value)))}
          />
        ) : null}
        </>
      ) : choices ? (
        <select {...common} value={value || example(feature)} onChange={(e) => onChange(e.currentTarget.value)}>
          {choices.map((category) => (
            <option key={category} value={category}>
              {category === "" ? "(empty)" : category}
            </option>
          ))}
        </select>
      ) : (
        <input {...common} type="text" placeholder={example(feature) || "missing"} value={value} onInput={(e) => onChange(e.currentTarget.value)} />
      )}
      {problem ? (
        <span class="problem" id={`${id}-problem`}>
          {problem}
        </span>
      ) : hint ? (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      ) : null}
    </div>
  );
}

// About a hundred steps, each a round number.
function sliderStep(min: number, max: number): number {
  return max > min ? Number(`1e${Math.floor(Math.log10((max - min) / 50))}`) : 1;
}

function rangeWords(feature: Feature): string | null {
  const { min, max } = feature;
  if (!isNumeric(feature) || typeof min !== "number" || typeof max !== "number") return null;
  return `${format.number(min)} to ${format.number(max)}`;
}

function Outcome({ prediction, model, answer }: { prediction: Prediction; model: Model; answer: Answer }) {
  const note =
    answer.state === "training"
      ? `It is still training${answer.epoch ? `; these are the weights of epoch ${answer.epoch}` : ""}.`
      : null;
  const target = model.target?.names?.[0] ?? "prediction";
  const probabilities = Object.entries(prediction.probabilities ?? {}).sort(
    (a, b) => (b[1] ?? 0) - (a[1] ?? 0),
  );
  if (prediction.label !== undefined || probabilities.length > 0) {
    return (
      <>
        <p class="verdict">
          <b>{prediction.label ?? probabilities[0]?.[0]}</b>
        </p>
        <ul class="probabilities">
          {probabilities.slice(0, 12).map(([label, p]) => (
            <li key={label} class={label === prediction.label ? "chosen" : ""}>
              <span class="label">{label}</span>
              <span class="meter" aria-hidden="true">
                <i style={{ width: `${Math.max(0, Math.min(1, p ?? 0)) * 100}%` }} />
              </span>
              <span class="num">{p === null ? format.NONE : format.percent(p)}</span>
            </li>
          ))}
        </ul>
        {probabilities.length > 12 ? (
          <p class="quiet">and {probabilities.length - 12} less likely ones</p>
        ) : null}
        {note ? <p class="quiet">{note}</p> : null}
      </>
    );
  }
  const values: [string, unknown][] =
    prediction.value !== undefined
      ? [[target, prediction.value]]
      : Object.entries(prediction.values ?? prediction.labels ?? {});
  return (
    <>
      {values.map(([name, value]) => (
        <p class="verdict" key={name}>
          {values.length > 1 ? <span class="quiet">{name} </span> : null}
          <b>{typeof value === "number" ? format.number(value, 6) : String(value ?? format.NONE)}</b>
        </p>
      ))}
      {note ? <p class="quiet">{note}</p> : null}
    </>
  );
}
