// What can be done to a job, from the list as from its own page.

import { postEmpty, remove } from "./api";
import { Action } from "./parts";
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
  return (
    <Action
      label="Delete"
      about={`job ${job.id}`}
      confirm="Really delete?"
      kind="danger"
      onError={onError}
      run={async () => {
        await remove(`/jobs/${job.id}`);
        props.onDeleted?.();
        refresh();
      }}
    />
  );
}
