-- What a version said of an input, for comparing versions on a dataset: a point for each of its items. Predictions that
-- name no version or no input cost nothing. 64 bits of a hash find it as well as all 256, in half the room and time.
create index predictions_by_input_hash on predictions (model_id, version_id, (substr(input_hash, 1, 16)), created_at)
where input_hash is not null and version_id <> '';
create index predictions_by_input_id on predictions (model_id, version_id, input_id, created_at)
where input_id is not null and version_id <> '';
