// One job as a row of the list.

import { JobActions } from "../actions";
import * as format from "../format";
import { Age, DatasetLink, memo, Name, ProgressBar, State } from "../parts";
import { Spark } from "../spark";
import type { Best, Job, Summary } from "../types";

// [what made the best epoch the best, its value there]
export function bestOf(best: Best): [string, number | null | undefined] {
  const { epoch: _, ...of } = best;
  return Object.entries(of)[0] ?? ["loss", null];
}

// The loss by which people compare: on validation data where there are some.
export function currentLoss(job: Job): number | null {
  return job.latest?.validation_loss ?? job.latest?.training_loss ?? null;
}

export function failure(job: Job): string | null {
  if (!job.error) return null;
  return job.error.detail ?? (job.error.code ?? "it failed").replace(/_/g, " ");
}

// Where the job is, in one short line.
export function progressWords(job: Job): string {
  const { epoch, epochs, eta_seconds: eta } = job.progress ?? {};
  const done = epoch ?? job.latest?.epoch ?? 0;
  let where = done > 0 ? `epoch ${format.number(done)}` : "";
  if (epochs) where = `epoch ${format.number(done)} of ${format.number(epochs)}`;
  switch (job.state) {
    case "queued":
      return job.queue_position ? `number ${job.queue_position} in the queue` : "waiting";
    case "running":
      if (job.cancel_requested) return `${where ? `${where}, ` : ""}stopping`;
      if (job.pause_requested) return `${where ? `${where}, ` : ""}pausing`;
      if (job.progress?.stalled) return `${where ? `${where}, ` : ""}no batch has ended for a while`;
      if (!where) return "starting";
      return eta === null || eta === undefined ? where : `${where}, ${format.duration(eta)} left`;
    case "succeeded":
      if (!where) return "";
      return epochs && done < epochs ? `${where}, stopped early` : where;
    default:
      return where;
  }
}


export const JobRow = memo(function JobRow(props: {
  job: Job;
  picked: boolean;
  onPick: (id: number, picked: boolean) => void;
  onError: (detail: string) => void;
}) {
  const { job, picked, onPick, onError } = props;
  const trains = job.kind === undefined || job.kind === "train";
  const loss = currentLoss(job);
  const best = job.best ? bestOf(job.best) : null;
  return (
    <tr data-job={job.id} data-state={job.state}>
      <td class="cell-pick">
        <input
          type="checkbox"
          aria-label={`Compare job ${job.id}`}
          checked={picked}
          disabled={!trains}
          onChange={(e) => onPick(job.id, e.currentTarget.checked)}
        />
      </td>
      <td class="cell-main">
        <a class="row-link" href={`#/jobs/${job.id}`}>
          <span class="id">{job.id}</span> <Name name={job.name} />
        </a>
        <span class="cell-note">
          {trains ? null : `${job.kind} `}
          {job.summary?.dataset ? <DatasetLink of={job.summary.dataset} /> : null}
        </span>
      </td>
      <td data-label="State" class="cell-state">
        <State state={job.state} />
      </td>
      <td data-label="Progress" class="cell-progress">
        <ProgressBar job={job} />
        <span class="quiet">{progressWords(job)}</span>
        {job.error ? <span class="problem cell-note">{failure(job)}</span> : null}
      </td>
      <td data-label="Loss" class="num">
        {format.loss(loss)}
        {best && job.best ? (
          <span class="cell-note" title={`Best ${best[0].replace(/_/g, " ")}, at epoch ${job.best.epoch}`}>
            best {format.loss(best[1])}
          </span>
        ) : null}
      </td>
      <td class="cell-spark">
        {job.sparkline ? <Spark values={job.sparkline.values ?? []} of={job.sparkline.of} /> : null}
      </td>
      <td data-label="Network" class="cell-network">
        {networkWords(job.summary)}
        <span class="cell-note">{trainingWords(job.summary)}</span>
      </td>
      <td data-label="Created" class="quiet nowrap">
        <Age at={job.created_at} />
      </td>
      <td class="cell-actions">
        {trains ? (
          <a class="button small" href={`#/new?from=${job.id}`} title="A new job that begins as this one">
            Clone<span class="sr-only"> job {job.id} with edits</span>
          </a>
        ) : null}
        <JobActions job={job} onError={onError} />
      </td>
    </tr>
  );
});

// "128 + 64 relu"
export function networkWords(summary: Summary | null | undefined): string {
  const hidden = summary?.hidden;
  if (!hidden) return format.NONE;
  return hidden.length === 0 ? "no hidden layer" : `${hidden.join(" + ")} ${summary.activation ?? ""}`.trim();
}

// "adam 0.001, batch 16"
export function trainingWords(summary: Summary | null | undefined): string {
  const { optimizer, learning_rate: rate, batch_size: batch } = summary ?? {};
  return [
    [optimizer, typeof rate === "number" ? format.number(rate) : ""].filter(Boolean).join(" "),
    batch ? `batch ${format.number(batch)}` : "",
  ]
    .filter((words) => words !== "")
    .join(", ");
}
