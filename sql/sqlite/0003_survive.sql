-- Jobs that survive: paused ones, priorities, room on the disk that is held, checkpoints, the keys
-- of clients that ask again, and what attempts that brought nothing have to say. A CHECK cannot be
-- altered, so the table of jobs is built anew; foreign keys are off meanwhile (dropping a parent
-- would take its children along) and checked before the commit.

CREATE TABLE job_new (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    kind             TEXT NOT NULL CHECK (kind <> ''),
    name             TEXT CHECK (name <> ''),
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'running', 'paused',
                                      'succeeded', 'failed', 'cancelled')),
    model_id         INTEGER,           -- no reference: a model may go, its job may stay
    parent_id        INTEGER,           -- the same
    owner            TEXT,              -- the boot of the daemon that runs it
    priority         INTEGER NOT NULL DEFAULT 0, -- of queued ones the highest runs first
    attempt          INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    pause_requested  INTEGER NOT NULL DEFAULT 0 CHECK (pause_requested IN (0, 1)),
    crashes          INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    barren           INTEGER NOT NULL DEFAULT 0 CHECK (barren >= 0), -- attempts since the last new
                                        -- checkpoint, the one under way among them
    light            INTEGER NOT NULL DEFAULT 0 CHECK (light >= 0), -- of those that ended: reached
                                        -- a batch, and did not last
    reached          INTEGER NOT NULL DEFAULT 0 CHECK (reached IN (0, 1)), -- the attempt under way:
                                        -- a batch
    lasted           INTEGER NOT NULL DEFAULT 0 CHECK (lasted IN (0, 1)), -- and its ten seconds
    not_before       INTEGER NOT NULL DEFAULT 0, -- it waits in the queue until then
    disk_bytes       INTEGER NOT NULL DEFAULT 0 CHECK (disk_bytes >= 0), -- held until it ends
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,
    error_code       TEXT,
    error_detail     TEXT,
    warnings         TEXT NOT NULL DEFAULT '[]',
    result           TEXT,
    config           TEXT,              -- the long ones last: lists never read that far
    resolved         TEXT,
    CHECK ((state = 'running') = (owner IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR (attempt > 0 AND started_at IS NOT NULL)),
    CHECK (state = 'failed' OR (error_code IS NULL AND error_detail IS NULL)),
    CHECK (pause_requested = 0 OR (state = 'running' AND cancel_requested = 0)),
    CHECK (light <= barren)
) STRICT;

INSERT INTO job_new (id, kind, name, state, model_id, parent_id, owner, attempt,
                     cancel_requested, created_at, started_at, finished_at, error_code,
                     error_detail, warnings, result, config, resolved)
    SELECT id, kind, name, state, model_id, parent_id, owner, attempt, cancel_requested,
           created_at, started_at, finished_at, error_code, error_detail, warnings, result,
           config, resolved
    FROM job ORDER BY id;

-- The newest ids may have been deleted: they are not given again.
DELETE FROM sqlite_sequence WHERE name = 'job_new';
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'job_new', seq FROM sqlite_sequence WHERE name = 'job';
DROP TABLE job;
ALTER TABLE job_new RENAME TO job;

CREATE INDEX job_state ON job (state);
CREATE INDEX job_name ON job (name) WHERE name IS NOT NULL;
CREATE INDEX job_model ON job (model_id);
CREATE INDEX job_parent ON job (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX job_queue ON job (priority DESC, id) WHERE state = 'queued'; -- the order of claims
CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL; -- the oldest go first
CREATE INDEX job_disk ON job (disk_bytes) WHERE finished_at IS NULL;      -- their sum is held

-- A checkpoint's bytes are a file, <job>.<generation>.
CREATE TABLE job_checkpoint (
    job_id     INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    generation INTEGER NOT NULL CHECK (generation > 0),
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    at         INTEGER NOT NULL,
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    PRIMARY KEY (job_id, generation)
) STRICT, WITHOUT ROWID;

-- Which job a client's Idempotency-Key made, and with what body.
CREATE TABLE job_key (
    key         TEXT PRIMARY KEY NOT NULL CHECK (key <> ''),
    body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
    job_id      INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX job_key_job ON job_key (job_id);
CREATE INDEX job_key_age ON job_key (created_at);

-- What is set for the whole daemon and outlives it: queue_paused ('1').
CREATE TABLE setting (
    name  TEXT PRIMARY KEY NOT NULL CHECK (name <> ''),
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
