// What can be done to jobs, models and datasets, from the lists as from their own pages.

import { postEmpty, remove } from "./api";
import { Action, Notice } from "./parts";
import { refresh } from "./poll";
import { FINAL, type Job } from "./types";

export function JobActions(props: {
  job: Job;
  onError: (detail: string) => void;
  onDeleted?: () => void;
}) {
  const { job, onError } = props;
  const ask = (what: string) => async () => {
    await postEmpty(`/jobs/${job.id}/${what}`);
    refresh();
  };
  if (!FINAL.has(job.state)) {
    const about = `job ${job.id}`;
    const waits = job.state === "paused" || job.pause_requested;
    return (
      <>
        {waits ? (
          <Action key="resume" label="Resume" about={about} onError={onError} run={ask("resume")} />
        ) : (
          <Action key="pause" label="Pause" about={about} onError={onError} run={ask("pause")} />
        )}
        <Action key="cancel" label="Cancel" about={about} onError={onError} run={ask("cancel")} />
      </>
    );
  }
  return <Delete what="job" id={job.id} onError={onError} onDeleted={props.onDeleted} />;
}

export function Delete(props: {
  what: "job" | "model" | "dataset";
  id: number;
  onError: (detail: string) => void;
  onDeleted: (() => void) | undefined;
}) {
  const { what, id } = props;
  return (
    <Action
      label="Delete"
      about={`${what} ${id}`}
      confirm="Really delete?"
      kind="danger"
      onError={props.onError}
      run={async () => {
        await remove(`/${what}s/${id}`);
        props.onDeleted?.();
        refresh();
      }}
    />
  );
}

// Why an action was refused, until it is closed.
export function Refused({ why, onClose }: { why: string | null; onClose: (none: null) => void }) {
  if (why === null) return null;
  return (
    <Notice kind="error" onClose={() => onClose(null)}>
      {why}
    </Notice>
  );
}
