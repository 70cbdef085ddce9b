// The fields of a new job: each is a place in its config. Left empty it is not in the job, and
// shows what the daemon would take.

import { at, layersOf, put, resized } from "../jobtree";
import * as format from "../format";
import type { FieldProblem } from "../types";

type Option = [value: string, text: string];

interface Common {
  pointer: string;
  label: string;
  hint?: string;
  usual?: string; // what an empty field says in place of the daemon's choice
}

export type FieldSpec = Common &
  (
    | { kind: "number"; min?: number; max?: number; whole?: boolean }
    | { kind: "text" }
    | { kind: "choice"; options: Option[] }
    | { kind: "switch" }
  );

// What a form's fields share: the job, what the daemon makes of it, and what it says is wrong.
export interface Form {
  config: unknown;
  resolved: unknown;
  problems: FieldProblem[];
  locked: boolean; // the JSON is not one that fields can change
  change: (config: unknown, more?: boolean) => void; // more: the rest of the change follows by itself
}

function asked(form: Form, pointer: string): FieldProblem[] {
  return form.problems.filter((p) => p.pointer === pointer || p.pointer?.startsWith(`${pointer}/`));
}

function words(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : format.plain(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? "as in the JSON" : String(value).replace(/_/g, " ");
}

export function Problems({ of, id }: { of: FieldProblem[]; id: string }) {
  if (of.length === 0) return null;
  return (
    <span class="problem" id={id}>
      {of.map((p) => p.detail).join("; ")}
    </span>
  );
}

export function Field({ form, spec }: { form: Form; spec: FieldSpec }) {
  const { pointer } = spec;
  const id = `job${pointer.replace(/\W/g, "-")}`;
  const value = at(form.config, pointer);
  const usual = at(form.resolved, pointer);
  const wrong = asked(form, pointer);
  const given = value !== undefined;
  const complex = given && value !== null && typeof value === "object";
  const common = {
    id,
    disabled: form.locked || complex,
    "aria-invalid": wrong.length > 0 ? true : undefined,
    "aria-describedby": wrong.length > 0 ? `${id}-problem` : spec.hint ? `${id}-hint` : undefined,
  };
  const set = (next: unknown) => form.change(put(form.config, pointer, next));
  const shown = spec.usual ?? (usual === undefined ? "" : words(usual));
  return (
    <div class={`field ${given ? "given" : ""}`}>
      <label for={id}>{spec.label}</label>
      {spec.kind === "number" || spec.kind === "text" ? (
        <input
          {...common}
          type={spec.kind === "number" ? "number" : "text"}
          step={spec.kind === "number" && spec.whole ? 1 : "any"}
          min={spec.kind === "number" ? spec.min : undefined}
          max={spec.kind === "number" ? spec.max : undefined}
          autocomplete="off"
          spellcheck={false}
          placeholder={shown}
          value={complex || value === null || value === undefined ? "" : String(value)}
          onInput={(e) => {
            const text = e.currentTarget.value;
            if (text === "") set(undefined);
            else set(spec.kind === "number" ? Number(text) : text);
          }}
        />
      ) : (
        <select
          {...common}
          class={given ? "" : "default"}
          value={given ? JSON.stringify(value) : ""}
          onChange={(e) => set(e.currentTarget.value === "" ? undefined : JSON.parse(e.currentTarget.value))}
        >
          <option value="">{shown ? (shown.length > 9 ? shown : `${shown} (usual)`) : "as usual"}</option>
          {complex ? <option value={JSON.stringify(value)}>as in the JSON</option> : null}
          {(spec.kind === "choice" ? spec.options : SWITCH).map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
      {wrong.length > 0 ? (
        <Problems of={wrong} id={`${id}-problem`} />
      ) : spec.hint ? (
        <span class="hint" id={`${id}-hint`}>
          {spec.hint}
        </span>
      ) : null}
    </div>
  );
}

const SWITCH: Option[] = [
  ["true", "yes"],
  ["false", "no"],
];

const POINTER = "/architecture/hidden";

export function Layers({ form }: { form: Form }) {
  const given = at(form.config, POINTER);
  const usual = layersOf(form.resolved) ?? [];
  const layers = layersOf(form.config);
  const wrong = asked(form, POINTER);
  const raw: unknown[] = Array.isArray(given) ? given : usual.map((layer) => layer.units);
  const set = (next: unknown[] | undefined) => form.change(put(form.config, POINTER, next));
  if (given !== undefined && !layers) return <p class="quiet">The layers are as in the JSON.</p>;
  const shown = layers ?? usual;
  const unknown = !layers && form.resolved === undefined; // the daemon has not said yet
  return (
    <div class="layers" role="group" aria-label="Hidden layers">
      {shown.map((layer, i) => (
        <span class="layer" key={i}>
          <label class={`field ${layers ? "given" : ""}`}>
            <span>Layer {i + 1}</span>
            <input
              type="number"
              min={1}
              step={1}
              disabled={form.locked}
              aria-invalid={wrong.some((p) => p.pointer?.startsWith(`${POINTER}/${i}`)) ? true : undefined}
              value={layer.units ?? ""}
              onInput={(e) => {
                const text = e.currentTarget.value;
                const units = text === "" ? null : Number(text);
                set(raw.map((old, j) => (j === i ? resized(old, units) : old)));
              }}
            />
          </label>
          <button
            type="button"
            class="small"
            disabled={form.locked}
            aria-label={`Take layer ${i + 1} away`}
            onClick={() => set(raw.filter((_, j) => j !== i))}
          >
            ×
          </button>
        </span>
      ))}
      <button
        type="button"
        disabled={form.locked || unknown}
        onClick={() => set([...raw, shown[shown.length - 1]?.units ?? 16])}
      >
        Add a layer
      </button>
      {layers ? (
        <button type="button" class="link" disabled={form.locked} onClick={() => set(undefined)}>
          as usual
        </button>
      ) : null}
      {shown.length === 0 && !unknown ? <span class="quiet">None: a linear model.</span> : null}
      <Problems of={wrong} id="job-layers-problem" />
    </div>
  );
}
