// The metrics of a model: the few that say most, and all of them by split.

import { Fragment } from "preact";
import * as format from "../format";
import * as of from "../metrics";
import type { Model, SplitMetrics } from "../types";

export const SPLITS = ["test", "validation", "training"];

// The two numbers that say most, from the most honest part of the data there is.
export function KeyMetrics({ metrics }: { metrics: Model["metrics"] }) {
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
