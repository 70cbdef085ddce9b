-- Versions of a dataset: rows that were appended to it make a new one that knows what it was made
-- from. All that come from one first version share its id, so that they are found when some of
-- them have gone.

ALTER TABLE dataset ADD COLUMN parent_id INTEGER; -- no reference: a version may go
ALTER TABLE dataset ADD COLUMN origin_id INTEGER; -- the first version; NULL: it is one itself
CREATE INDEX dataset_origin ON dataset (origin_id) WHERE origin_id IS NOT NULL;
