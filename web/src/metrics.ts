// Reading the metrics of one part of the data: numbers by name, and beside them `notes`, which says
// why one of them is null, and `targets`, the same numbers for each of several targets.

import type { SplitMetrics } from "./types";

type Part = SplitMetrics | null | undefined;

// The order in which metrics interest people; others follow as they come.
const FIRST = ["accuracy", "rmse", "r2", "mae", "f1", "roc_auc", "log_loss", "loss"];

// The metrics that any of the parts has, with a number or with null.
export function names(parts: Part[]): string[] {
  const rank = (name: string) => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  const all = parts.flatMap((part) =>
    Object.keys(part ?? {}).filter((name) => part?.[name] === null || typeof part?.[name] === "number"),
  );
  return [...new Set(all)].sort((a, b) => rank(a) - rank(b));
}

export function value(part: Part, name: string): number | null {
  const x = part?.[name];
  return typeof x === "number" ? x : null;
}

// Why it is null, if the daemon says so.
export function note(part: Part, name: string): string | null {
  const notes = part?.notes;
  if (!notes || typeof notes !== "object") return null;
  const why = Object.entries(notes).find(([of]) => of === name)?.[1];
  return typeof why === "string" ? why : null;
}
