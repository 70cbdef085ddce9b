// One job as a row of the list. It asks for its configuration and its curve when it comes into sight.

import { JobActions } from "../actions";
import { at, layerWords } from "../config";
import * as format from "../format";
import { Age, DatasetLink, jobDataset, memo, Name, ProgressBar, State, useSeen } from "../parts";
import { useResource } from "../poll";
import { JobSpark } from "../spark";
import { FINAL, type Best, type Job } from "../types";

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
  const [ref, seen] = useSeen<HTMLTableRowElement>();
  // What a job was asked to do is settled once its defaults are filled in.
  const { data: whole } = useResource<Job>(
    seen ? `/jobs/${job.id}#config` : null,
    (known) => FINAL.has(known.state) || (known.resolved !== null && known.resolved !== undefined),
  );
  const trains = job.kind === undefined || job.kind === "train";
  const loss = currentLoss(job);
  const best = job.best ? bestOf(job.best) : null;
  return (
    <tr ref={ref} data-job={job.id} data-state={job.state}>
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
          {whole ? <DatasetLink of={jobDataset(whole)} /> : null}
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
      <td class="cell-spark">{trains ? <JobSpark id={job.id} seen={seen} /> : null}</td>
      <td data-label="Network" class="cell-network">
        {trains ? (layerWords(whole?.resolved) ?? layerWords(whole?.config) ?? format.NONE) : format.NONE}
        {trains && whole?.resolved ? <span class="cell-note">{trainingWords(whole.resolved)}</span> : null}
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

function trainingWords(resolved: unknown): string {
  const rate = at(resolved, "optimizer.learning_rate");
  const batch = at(resolved, "training.batch_size");
  return [
    [at(resolved, "optimizer.type"), typeof rate === "number" ? format.number(rate) : null].filter(Boolean).join(" "),
    typeof batch === "number" ? `batch ${format.number(batch)}` : "",
  ]
    .filter((words) => words !== "")
    .join(", ");
}
