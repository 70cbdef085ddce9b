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
  if (!FINAL.has(job.state)) {
    return (
      <Action
        label="Cancel"
        about={`job ${job.id}`}
        onError={onError}
        run={async () => {
          await postEmpty(`/jobs/${job.id}/cancel`);
          refresh();
        }}
      />
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
