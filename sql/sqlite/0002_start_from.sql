-- Going on from a model: the job names its parent, so that it cannot be deleted meanwhile, and a
-- model may keep the state its training ended with (weights and moments of the optimizer), as
-- chunks like its weights. And a curve's point may have each layer's gradient.

ALTER TABLE job ADD COLUMN parent_id INTEGER; -- no reference: a model may go when the job is over
CREATE INDEX job_parent ON job (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE model_state (
    model_id  INTEGER PRIMARY KEY REFERENCES model ON DELETE CASCADE,
    weight_id INTEGER NOT NULL REFERENCES weight ON DELETE CASCADE
) STRICT;
CREATE INDEX model_state_weight ON model_state (weight_id);

ALTER TABLE curve_point ADD COLUMN gradient_norms TEXT;
