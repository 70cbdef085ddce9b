-- Webhooks: whom a job tells of its states, and what is to be told. A delivery is written in the
-- transaction in which its job changes state, and goes with its job.

CREATE TABLE job_notify (
    job_id   INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    url      TEXT NOT NULL CHECK (url <> ''),
    receiver TEXT NOT NULL CHECK (receiver <> ''), -- the URL's scheme, host and port: deliveries to
                                                   -- one receiver go one after the other
    events   INTEGER NOT NULL CHECK (events BETWEEN 0 AND 31), -- a sum: 1 running, 2 paused,
                                                   -- 4 succeeded, 8 failed, 16 cancelled; 0: told
                                                   -- that the receiver is gone
    key      TEXT NOT NULL CHECK (key <> '')       -- random: message ids of two daemons differ
) STRICT;

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id      INTEGER NOT NULL REFERENCES job_notify ON DELETE CASCADE,
    event       TEXT NOT NULL CHECK (event IN ('running', 'paused', 'succeeded', 'failed',
                                               'cancelled')),
    at          INTEGER NOT NULL,                  -- when the job changed
    attempt     INTEGER NOT NULL CHECK (attempt >= 0), -- the job's, then
    receiver    TEXT NOT NULL,                     -- again, for the order in which they go
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
    sends       INTEGER NOT NULL DEFAULT 0 CHECK (sends >= 0),
    step        INTEGER NOT NULL DEFAULT 0 CHECK (step >= 0), -- of them since it was asked for
    next_at     INTEGER,                           -- pending: not before
    last_at     INTEGER,
    last_status INTEGER,                           -- HTTP's, if there was an answer
    last_error  TEXT,
    CHECK ((state = 'pending') = (next_at IS NOT NULL)),
    CHECK (step <= sends)
) STRICT;
CREATE INDEX delivery_job ON delivery (job_id);
CREATE INDEX delivery_due ON delivery (next_at, id) WHERE state = 'pending';
CREATE INDEX delivery_receiver ON delivery (receiver) WHERE state = 'pending';
