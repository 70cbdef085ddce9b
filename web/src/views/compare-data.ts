// What runs are compared by: how each was asked for (its resolved configuration) and what came of it.

import { flatten, pathName, type Scalar } from "../config";
import * as format from "../format";
import type { Job, Model } from "../types";

export interface Run {
  job: Job;
  label: string; // "12 grid"
  color: string;
  dash: boolean;
  facts: Map<string, Scalar>; // by key: "optimizer.learning_rate", "=best validation_loss"
}

// Results have keys that no path of a configuration has.
const RESULT = "=";

export function isResult(key: string): boolean {
  return key.startsWith(RESULT);
}

export function factName(key: string): string {
  return isResult(key) ? key.slice(1).replace(/\b(roc_auc|pr_auc|log_loss|rmse|mae|mse|r2|mape|f1|mcc)\b/, format.metricName).replace(/_/g, " ") : pathName(key);
}

export function factText(key: string, value: Scalar | undefined): string {
  if (value === undefined) return format.NONE;
  if (typeof value !== "number") return value === null ? "none" : value === true ? "yes" : value === false ? "no" : value;
  if (key === "=time taken") return format.duration(value);
  if (key === "=epochs trained" || key === "=parameters") return format.number(value, 12);
  if (isResult(key)) return /loss/.test(key) ? format.loss(value) : format.metric(key.replace(/^=(last )?/, ""), value);
  return format.number(value, 4);
}

// Of losses and errors less is better, of scores more; of others neither.
export function better(key: string): "less" | "more" | null {
  if (!isResult(key)) return null;
  if (/loss|rmse|mae|mse|mape|rmsle|median_ae/.test(key)) return "less";
  return /accuracy|f1|auc|r2|mcc|precision|recall/.test(key) ? "more" : null;
}

export function factsOf(job: Job, model: Model | null): Map<string, Scalar> {
  const facts = new Map<string, Scalar>();
  const put = (name: string, value: number | null | undefined) => {
    if (value !== null && value !== undefined) facts.set(RESULT + name, value);
  };
  for (const [name, value] of Object.entries(job.best ?? {})) if (name !== "epoch") put(`best ${name}`, value);
  put("last training_loss", job.latest?.training_loss);
  put("last validation_loss", job.latest?.validation_loss);
  for (const [name, value] of Object.entries(job.latest?.metrics ?? {})) put(`last ${name}`, value);
  put("epochs trained", job.progress?.epoch ?? job.latest?.epoch);
  put("parameters", model?.parameters);
  if (job.started_at && job.finished_at) put("time taken", (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000);
  for (const [path, value] of flatten(job.resolved ?? job.config)) facts.set(path, value);
  return facts;
}

// The keys in which runs differ, results first.
export function differences(runs: Run[]): string[] {
  const keys = [...new Set(runs.flatMap((run) => [...run.facts.keys()]))];
  const differing = keys.filter((key) => new Set(runs.map((run) => JSON.stringify(run.facts.get(key)))).size > 1);
  return [...differing.filter(isResult), ...differing.filter((key) => !isResult(key))];
}

// Where a value stands on a scale from 0 to 1: numbers by size (by their logarithm when they span
// far), others in their order.
export interface Scale {
  at: (value: Scalar | undefined) => number | null;
  ticks: { at: number; text: string }[];
  numeric: boolean;
}

export function scaleOf(key: string, values: (Scalar | undefined)[]): Scale {
  const known = values.filter((v): v is Exclude<Scalar, null> => v !== undefined && v !== null);
  const numbers = known.filter((v): v is number => typeof v === "number");
  if (numbers.length > 0 && numbers.length === known.length) {
    const distinct = [...new Set(numbers)].sort((a, b) => a - b);
    const [min = 0, max = 0] = [distinct[0], distinct[distinct.length - 1]];
    const log = min > 0 && max / min >= 30;
    const by = (x: number) => (log ? Math.log(x) : x);
    const span = by(max) - by(min);
    const at = (value: Scalar | undefined) =>
      typeof value !== "number" ? null : span === 0 ? 0.5 : (by(value) - by(min)) / span;
    const middle = log ? Math.sqrt(min * max) : (min + max) / 2;
    const shown = distinct.length <= 5 ? distinct : [min, middle, max];
    return { at, numeric: true, ticks: shown.map((v) => ({ at: at(v) ?? 0, text: factText(key, v) })) };
  }
  const words = [...new Set(values.map((v) => factText(key, v)))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const place = (text: string) => (words.length < 2 ? 0.5 : words.indexOf(text) / (words.length - 1));
  return {
    at: (value) => place(factText(key, value)),
    numeric: false,
    ticks: words.map((text) => ({ at: place(text), text })),
  };
}

export const COLOURS = 8;

function rgb(hex: string): number[] {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) || 0);
}

// From blue over purple to orange, as the theme has them: for numbers, from the least to the most.
export function mixed(share: number): string {
  const style = getComputedStyle(document.documentElement);
  const [low = [], middle = [], high = []] = ["--c1", "--c4", "--c2"].map((name) => rgb(style.getPropertyValue(name).trim()));
  const [from, to, part] = share < 0.5 ? [low, middle, share * 2] : [middle, high, share * 2 - 1];
  return `rgb(${from.map((x, i) => Math.round(x + ((to[i] ?? 0) - x) * part)).join(" ")})`;
}
