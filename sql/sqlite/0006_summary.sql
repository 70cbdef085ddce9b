-- What a list shows of a job's config: a few words that fit a row, so that a page of jobs need not
-- read what each of them was asked for in full. Jobs of before have none.

CREATE TABLE job_summary (
    job_id INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    json   TEXT NOT NULL
) STRICT;
