-- The first schema of mlpd.db. Ids are AUTOINCREMENT: a number once shown to a user never
-- means anything else. Times are milliseconds UTC. JSON is text that the database does not
-- look into. Reals must be finite; what was not a number is NULL.

CREATE TABLE job (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    kind             TEXT NOT NULL CHECK (kind <> ''),
    name             TEXT CHECK (name <> ''),
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    model_id         INTEGER,           -- no reference: a model may go, its job may stay
    owner            TEXT,              -- the boot of the daemon that runs it
    attempt          INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
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
    CHECK (state = 'failed' OR (error_code IS NULL AND error_detail IS NULL))
) STRICT;
CREATE INDEX job_state ON job (state);
CREATE INDEX job_name ON job (name) WHERE name IS NOT NULL;
CREATE INDEX job_model ON job (model_id);

CREATE TABLE job_event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL CHECK (kind <> ''),
    detail TEXT
) STRICT;
CREATE INDEX job_event_job ON job_event (job_id);

CREATE TABLE curve_point (
    job_id          INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    epoch           INTEGER NOT NULL CHECK (epoch >= 0),
    training_loss   REAL CHECK (abs(training_loss) <= 1.7976931348623157e308),
    validation_loss REAL CHECK (abs(validation_loss) <= 1.7976931348623157e308),
    learning_rate   REAL CHECK (abs(learning_rate) <= 1.7976931348623157e308),
    seconds         REAL CHECK (abs(seconds) <= 1.7976931348623157e308),
    elapsed_seconds REAL CHECK (abs(elapsed_seconds) <= 1.7976931348623157e308),
    samples         INTEGER NOT NULL,
    metrics         TEXT,
    PRIMARY KEY (job_id, epoch)
) STRICT, WITHOUT ROWID;

-- A dataset's bytes are a file named by its hash; rows are the names people gave to it.
CREATE TABLE dataset (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT UNIQUE CHECK (name <> ''), -- NULL: a job's inline data, or a name that moved on
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    rows       INTEGER NOT NULL CHECK (rows >= 0),
    columns    INTEGER NOT NULL CHECK (columns >= 0),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dataset_sha256 ON dataset (sha256);

-- What a job needs, by content, so that renaming a dataset changes nothing for it.
CREATE TABLE job_dataset (
    job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    seq    INTEGER NOT NULL CHECK (seq >= 0),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_dataset_sha256 ON job_dataset (sha256);

CREATE TABLE model (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id         INTEGER NOT NULL,    -- no reference: a job may go, its model stays
    name           TEXT CHECK (name <> ''),
    state          TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'failed')),
    succeeded      INTEGER NOT NULL DEFAULT 0 CHECK (succeeded IN (0, 1)), -- its job did
    created_at     INTEGER NOT NULL,
    finished_at    INTEGER,
    dataset_sha256 TEXT CHECK (length(dataset_sha256) = 64),
    parameters     INTEGER NOT NULL DEFAULT 0 CHECK (parameters >= 0),
    metrics        TEXT,
    info           TEXT,
    spec           TEXT,
    encoder        TEXT,
    CHECK ((state = 'pending') = (finished_at IS NULL)),
    CHECK (succeeded = 0 OR state = 'ready')
) STRICT;
CREATE INDEX model_job ON model (job_id);
CREATE INDEX model_name ON model (name) WHERE name IS NOT NULL;

-- Weights are written before the row that publishes them, in chunks of at most 4 MiB, and
-- never changed: the head has the length and the hash of all chunks together.
CREATE TABLE weight (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    bytes  INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE weight_chunk (
    weight_id INTEGER NOT NULL REFERENCES weight ON DELETE CASCADE,
    seq       INTEGER NOT NULL CHECK (seq >= 0),
    bytes     BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 4194304),
    PRIMARY KEY (weight_id, seq)
) STRICT;

-- A model has parts: one today, several for an ensemble.
CREATE TABLE model_part (
    model_id  INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    seq       INTEGER NOT NULL CHECK (seq >= 0),
    weight_id INTEGER NOT NULL REFERENCES weight ON DELETE CASCADE,
    PRIMARY KEY (model_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_part_weight ON model_part (weight_id);

CREATE TABLE evaluation (
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    split    TEXT NOT NULL CHECK (split <> ''),
    json     TEXT NOT NULL,
    PRIMARY KEY (model_id, split)
) STRICT;
