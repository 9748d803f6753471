-- What PostgreSQL does otherwise than SQLite, with the reason.
--
-- Lists of keys are arrays (unnest) instead of JSON, always of one model: on a cluster, one shard. Each key is looked up by
-- itself (lateral, kept apart by `offset 0`): for a table that was empty when it planned, the planner else keeps a plan that
-- reads all of a model.
-- Bulk inserts are one statement by arrays, 5 times as fast as row by row, and say by RETURNING which ids were free:
-- another node may have taken one meanwhile.

-- name: known_predictions
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'live' as state, model_id, id, digest from predictions where model_id = :model_id and id = k.id offset 0
) as x
union all
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'gone' as state, model_id, id, ''::bytea as digest from tombstones
  where model_id = :model_id and kind = 'prediction' and id = k.id offset 0
) as x
union all
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'awaited' as state, model_id, prediction_id, ''::bytea as digest from labels
  where model_id = :model_id and prediction_id = k.id and status = 'orphan' offset 0
) as x
union all
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'awaited' as state, model_id, prediction_id, ''::bytea as digest from feedback
  where model_id = :model_id and prediction_id = k.id and status = 'orphan' offset 0
) as x;

-- name: known_feedback
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'live' as state, model_id, id, digest, status from feedback where model_id = :model_id and id = k.id offset 0
) as x
union all
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'gone' as state, model_id, id, ''::bytea as digest, '' as status from tombstones
  where model_id = :model_id and kind = 'feedback' and id = k.id offset 0
) as x;

-- name: known_labels
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'live' as state, model_id, id, digest, status from labels where model_id = :model_id and id = k.id offset 0
) as x
union all
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select 'gone' as state, model_id, id, ''::bytea as digest, '' as status from tombstones
  where model_id = :model_id and kind = 'label' and id = k.id offset 0
) as x;

-- name: models_of_predictions
select x.model_id, x.id
from unnest(:ids::text[]) as k(id) cross join lateral (
  select p.model_id, p.id from predictions p where p.id = k.id offset 0
) as x
join models m on m.id = x.model_id and m.deleted_at is null
order by x.id, x.model_id;

-- name: live_models
select id, generation from models where id = any(:ids) and deleted_at is null;

-- name: truths_of
select x.*
from unnest(:ids::text[]) as k(id) cross join lateral (
  select * from labels where model_id = :model_id and prediction_id = k.id and status = 'active' offset 0
) as x;

-- Locked, in the order of the keys, so that two nodes with votes on one prediction settle them one after the other.
-- name: targets
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select model_id, id, version_id, arm, created_at, label, value, detection_count, ratings, confidence, rule_set,
    matched, pi, input_hash, subject, ab_test_id, unit
  from predictions where model_id = :model_id and id = k.id for update
) as x;

-- name: gone_predictions
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select model_id, id from tombstones where model_id = :model_id and kind = 'prediction' and id = k.id offset 0
) as x;

-- name: orphaned_feedback_of
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from feedback where model_id = :model_id and prediction_id = k.id and status = 'orphan' offset 0
) as x;

-- name: orphaned_labels_of
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from labels where model_id = :model_id and prediction_id = k.id and status = 'orphan' offset 0
) as x;

-- name: active_in_slots
select x.*
from unnest(:a::text[], :b::text[]) as k(prediction_id, slot) cross join lateral (
  select * from feedback
  where model_id = :model_id and prediction_id = k.prediction_id and slot = k.slot and status = 'active' offset 0
) as x;

-- name: lookalikes
select x.*
from unnest(
  :a::text[], :b::text[], :c::bigint[], :d::bigint[], :e::bigint[], :f::text[], :g::bigint[], :h::text[], :i::text[]
) as k(prediction_id, kind, first, last, rating, label, place, box, notes) cross join lateral (
  select * from feedback
  where model_id = :model_id and prediction_id = k.prediction_id and status = 'active' and feedback_type = k.kind
    and received_at > k.first and received_at < k.last and coalesce(rating, -9) = k.rating
    and coalesce(correct_label, '') = k.label and coalesce(detection_index, -1) = k.place
    and coalesce(box, '') = k.box and coalesce(notes, '') = k.notes offset 0
) as x;

-- name: page_votes
select x.*
from unnest(:a::text[], :b::bigint[], :c::bigint[]) as k(prediction_id, first, last) cross join lateral (
  select model_id, prediction_id, received_at from feedback
  where model_id = :model_id and prediction_id = k.prediction_id and status = 'active' and feedback_type = 'rating'
    and received_at > k.first and received_at <= k.last and rating <> 0 and substr(key_id, 1, 3) = 'pk_' offset 0
) as x;

-- name: feedback_rows
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from feedback where model_id = :model_id and id = k.id offset 0
) as x;

-- name: active_labels_of
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from labels where model_id = :model_id and prediction_id = k.id and status = 'active' offset 0
) as x;

-- name: sum_rows
select x.*
from unnest(:a::text[], :b::text[], :c::bigint[], :d::bigint[]) as k(version_id, arm, grain, start) cross join lateral (
  select model_id, version_id, arm, grain, start, vector from sums
  where model_id = :model_id and grain = k.grain and start = k.start and version_id = k.version_id and arm = k.arm
    and writer = :writer offset 0
) as x;

-- name: insert_predictions
insert into predictions (
  model_id, id, version_id, arm, created_at, received_at, digest, label, confidence, value, latency_ms, error,
  detection_count, detail, input_url, input_hash, input_id, input_stored, subject, matched, taken, rule_set, pi,
  ratings, ab_test_id, unit, assigned
)
select
  :model_id, x.id, x.version_id, x.arm, x.created_at, x.received_at, x.digest, x.label, x.confidence, x.value,
  x.latency_ms, x.error, x.detection_count, x.detail, x.input_url, x.input_hash, x.input_id, 0, x.subject,
  x.matched, x.taken, x.rule_set, x.pi, 0, x.ab_test_id, x.unit, x.assigned
from unnest(
  :id::text[], :version_id::text[], :arm::text[], :created_at::bigint[], :received_at::bigint[], :digest::bytea[],
  :label::text[], :confidence::double precision[], :value::double precision[], :latency_ms::double precision[],
  :error::text[], :detection_count::bigint[], :detail::text[], :input_url::text[], :input_hash::text[],
  :input_id::text[], :subject::bytea[], :matched::text[], :taken::text[], :rule_set::bigint[], :pi::double precision[],
  :ab_test_id::text[], :unit::text[], :assigned::text[]
) as x(
  id, version_id, arm, created_at, received_at, digest, label, confidence, value, latency_ms, error,
  detection_count, detail, input_url, input_hash, input_id, subject, matched, taken, rule_set, pi, ab_test_id, unit,
  assigned
)
on conflict do nothing returning id;

-- name: insert_labels
insert into labels (
  model_id, id, prediction_id, created_at, received_at, digest, status, label, value, boxes
)
select
  :model_id, x.id, x.prediction_id, x.created_at, x.received_at, x.digest, x.status, x.label, x.value, x.boxes
from unnest(
  :id::text[], :prediction_id::text[], :created_at::bigint[], :received_at::bigint[], :digest::bytea[],
  :status::text[], :label::text[], :value::double precision[], :boxes::text[]
) as x(
  id, prediction_id, created_at, received_at, digest, status, label, value, boxes
)
on conflict do nothing returning id;

-- name: insert_feedback
insert into feedback (
  model_id, id, prediction_id, feedback_type, slot, status, status_reason, review, created_at, received_at,
  updated_at, digest, rating, correct_label, correct_value, detection_index, box, notes, supersedes, subject, key_id
)
select
  :model_id, x.id, x.prediction_id, x.feedback_type, x.slot, x.status, x.status_reason, 'pending', x.created_at,
  x.received_at, x.updated_at, x.digest, x.rating, x.correct_label, x.correct_value, x.detection_index, x.box,
  x.notes, x.supersedes, x.subject, x.key_id
from unnest(
  :id::text[], :prediction_id::text[], :feedback_type::text[], :slot::text[], :status::text[],
  :status_reason::text[], :created_at::bigint[], :received_at::bigint[], :updated_at::bigint[], :digest::bytea[],
  :rating::bigint[], :correct_label::text[], :correct_value::double precision[], :detection_index::bigint[],
  :box::text[], :notes::text[], :supersedes::text[], :subject::bytea[], :key_id::text[]
) as x(
  id, prediction_id, feedback_type, slot, status, status_reason, created_at, received_at, updated_at, digest,
  rating, correct_label, correct_value, detection_index, box, notes, supersedes, subject, key_id
)
on conflict do nothing returning id;

-- name: insert_review_items
insert into review_items (
  model_id, id, prediction_id, round, dataset_id, status, reasons, rule_set, matched, pi, place, version_id, arm, label,
  confidence, created_at, queued_at, updated_at, in_order, passed_by, subject
)
select
  :model_id, x.id, x.prediction_id, x.round, x.dataset_id, 'needs_review', x.reasons, x.rule_set, x.matched, x.pi,
  x.place, x.version_id, x.arm, x.label, x.confidence, x.created_at, x.queued_at, x.queued_at, 1, x.passed_by,
  x.subject
from unnest(
  :id::text[], :prediction_id::text[], :round::bigint[], :dataset_id::text[], :reasons::text[], :rule_set::bigint[],
  :matched::text[], :pi::double precision[], :place::bigint[], :version_id::text[], :arm::text[], :label::text[],
  :confidence::double precision[], :created_at::bigint[], :queued_at::bigint[], :passed_by::text[],
  :subject::bytea[]
) as x(
  id, prediction_id, round, dataset_id, reasons, rule_set, matched, pi, place, version_id, arm, label, confidence,
  created_at, queued_at, passed_by, subject
)
on conflict do nothing returning id;

-- name: review_rows
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from review_items where model_id = :model_id and id = k.id offset 0
) as x;

-- name: review_of_predictions
select x.*
from unnest(:a::text[]) as k(id) cross join lateral (
  select * from review_items where model_id = :model_id and prediction_id = k.id offset 0
) as x;

-- name: dataset_items_of_predictions
select x.*
from unnest(:ids::text[]) as k(id) cross join lateral (
  select * from dataset_items where model_id = :model_id and prediction_id = k.id and subject = :subject offset 0
) as x;

-- `+ 0`: it else may go through all of a model by time until it meets the input.
-- name: latest_of_input_hashes
select k.input, x.*
from unnest(:ids::text[]) as k(input) cross join lateral (
  select id, created_at, label, confidence, value, error,
    case when cast(:detailed as bigint) = 1 then detail end as detail
  from predictions
  where model_id = :model_id and version_id = :version_id and version_id <> ''
    and substr(input_hash, 1, 16) = substr(k.input, 1, 16) and input_hash = k.input
  order by created_at + 0 desc, id desc limit 1
) as x;

-- name: latest_of_input_ids
select k.input, x.*
from unnest(:ids::text[]) as k(input) cross join lateral (
  select id, created_at, label, confidence, value, error,
    case when cast(:detailed as bigint) = 1 then detail end as detail
  from predictions
  where model_id = :model_id and version_id = :version_id and version_id <> '' and input_id = k.input
  order by created_at + 0 desc, id desc limit 1
) as x;

-- name: ab_units_of
select x.*
from unnest(:units::text[]) as k(unit) cross join lateral (
  select * from ab_units where ab_test_id = :ab_test_id and unit = k.unit offset 0
) as x;
