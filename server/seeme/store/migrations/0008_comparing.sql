-- What a version said of an input, for comparing versions on a dataset: a point for each of its items. Predictions that
-- name no input cost nothing.
create index predictions_by_input_hash on predictions (model_id, version_id, input_hash, created_at)
where input_hash is not null;
create index predictions_by_input_id on predictions (model_id, version_id, input_id, created_at)
where input_id is not null;
