-- Every query once, in the common tongue of SQLite and PostgreSQL. What the engines can't share is in <engine>.sql.
-- A query's name is the line above it; values are :named.

-- name: ping
select 1 as answer;

-- name: insert_model
insert into models (id, name, task, labels, config, data_engine, digest, created_at, updated_at, generation)
values (:id, :name, :task, :labels, :config, :data_engine, :digest, :created_at, :updated_at, :created_at);

-- name: next_generation
update models set generation = generation + 1 where id = :model_id;

-- name: update_model
update models set name = :name, labels = :labels, config = :config, data_engine = :data_engine, updated_at = :updated_at where id = :id;

-- name: mark_model_deleted
update models set deleted_at = :deleted_at where id = :id;

-- name: delete_model
delete from models where id = :id;

-- name: all_models
select id, name, task, labels, config, data_engine, digest, created_at, updated_at, deleted_at from models order by created_at, id;

-- name: model
select id, name, task, labels, config, data_engine, digest, created_at, updated_at, deleted_at from models where id = :id;

-- name: insert_version
insert into versions (model_id, id, name, digest, created_at) values (:model_id, :id, :name, :digest, :created_at);

-- name: all_versions
select model_id, id, name, digest, created_at from versions order by model_id, created_at, id;

-- name: version
select model_id, id, name, digest, created_at from versions where model_id = :model_id and id = :id;

-- name: delete_versions
delete from versions where model_id = :model_id;

-- name: insert_signing_secret
insert into signing_secrets (model_id, kid, secret, created_at) values (:model_id, :kid, :secret, :created_at);

-- name: all_signing_secrets
select model_id, kid, secret, created_at, retired_at from signing_secrets order by model_id, created_at, kid;

-- name: live_signing_secrets
select model_id, kid, secret, created_at, retired_at from signing_secrets
where model_id = :model_id and retired_at is null order by created_at, kid;

-- name: retire_signing_secret
update signing_secrets set retired_at = :retired_at, secret = ''
where model_id = :model_id and kid = :kid and retired_at is null returning kid;

-- name: delete_signing_secrets
delete from signing_secrets where model_id = :model_id;

-- name: label_positions
select label, position from label_positions where model_id = :model_id order by position;

-- name: insert_label_position
insert into label_positions (model_id, label, position) values (:model_id, :label, :position)
on conflict do nothing;

-- name: delete_label_positions
delete from label_positions where model_id = :model_id;

-- name: set_label_status
update labels set status = :status where model_id = :model_id and id = :id;

-- name: set_feedback_status
update feedback set status = :status, status_reason = :status_reason, updated_at = :updated_at
where model_id = :model_id and id = :id;

-- name: add_ratings
update predictions set ratings = ratings + :change where model_id = :model_id and id = :id;

-- name: set_review
update feedback set review = :review, reviewed_by = :reviewed_by, reviewed_at = :reviewed_at, updated_at = :updated_at
where model_id = :model_id and id = :id;

-- name: delete_feedback
delete from feedback where model_id = :model_id and id = :id;

-- name: delete_label
delete from labels where model_id = :model_id and id = :id;

-- name: delete_prediction
delete from predictions where model_id = :model_id and id = :id;

-- name: insert_tombstone
insert into tombstones (model_id, kind, id, deleted_at) values (:model_id, :kind, :id, :deleted_at)
on conflict (model_id, kind, id) do nothing;

-- name: slot_successor
select * from feedback
where model_id = :model_id and prediction_id = :prediction_id and slot = :slot and status = 'superseded' and id <> :id
order by created_at desc, id desc limit 1;

-- name: label_successor
select * from labels
where model_id = :model_id and prediction_id = :prediction_id and status = 'superseded' and id <> :id
order by created_at desc, id desc limit 1;

-- name: quarantined_of_cause
select id from feedback
where model_id = :model_id and status = 'quarantined' and substr(status_reason, 1, 5) = :cause
order by received_at, id limit :most;

-- name: list_quarantined
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and f.status = 'quarantined' and substr(f.status_reason, 1, 5) = :cause
order by f.received_at, f.id limit :most;

-- name: count_quarantined
select substr(status_reason, 1, 5) as cause, count(*) as n from feedback
where model_id = :model_id and status = 'quarantined' group by substr(status_reason, 1, 5) order by cause;

-- name: count_orphaned_feedback
select count(*) as n from (select 1 from feedback where model_id = :model_id and status = 'orphan' limit :most) as few;

-- name: count_orphaned_labels
select count(*) as n from (select 1 from labels where model_id = :model_id and status = 'orphan' limit :most) as few;

-- name: expired_feedback_orphans
select model_id, id from feedback where model_id = :model_id and status = 'orphan' and received_at < :before
order by received_at, id limit :most;

-- name: expired_label_orphans
select model_id, id from labels where model_id = :model_id and status = 'orphan' and received_at < :before
order by received_at, id limit :most;

-- name: expired_predictions
select * from predictions where model_id = :model_id and received_at < :before order by received_at, id limit :most;

-- name: some_labels_of_model
select model_id, id from labels where model_id = :model_id order by id limit :most;

-- name: some_feedback_of_model
select model_id, id from feedback where model_id = :model_id order by id limit :most;

-- name: labels_of_prediction
select * from labels where model_id = :model_id and prediction_id = :prediction_id order by created_at, id;

-- name: feedback_of_prediction
select * from feedback where model_id = :model_id and prediction_id = :prediction_id order by created_at, id;

-- name: predictions_of_subject
select * from predictions where subject = :subject or unit = :unit order by model_id, id limit :most;

-- name: feedback_of_subject
select model_id, id from feedback where subject = :subject order by model_id, id limit :most;

-- name: insert_thinned_day
insert into thinned_days (model_id, start) values (:model_id, :start) on conflict (model_id, start) do nothing;

-- name: thinned_days
select start from thinned_days where model_id = :model_id and start >= :start and start < :stop order by start;

-- name: delete_thinned_days
delete from thinned_days where model_id = :model_id;

-- name: delete_old_tombstones
delete from tombstones
where deleted_at < :before and not (kind = 'prediction' and exists (
  select 1 from feedback f where f.model_id = tombstones.model_id and f.prediction_id = tombstones.id
));

-- name: delete_old_sums
delete from sums where model_id = :model_id and grain = :grain and start < :before;

-- name: delete_sums_of_model
delete from sums where model_id = :model_id;

-- name: prediction_models
select p.model_id from predictions p join models m on m.id = p.model_id and m.deleted_at is null
where p.id = :id order by p.model_id limit 2;

-- name: feedback_models
select f.model_id from feedback f join models m on m.id = f.model_id and m.deleted_at is null
where f.id = :id order by f.model_id limit 2;

-- name: prediction
select * from predictions where model_id = :model_id and id = :id;

-- name: one_feedback
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and f.id = :id;

-- name: truth
select * from labels where model_id = :model_id and prediction_id = :prediction_id and status = 'active';

-- name: list_predictions_down
select * from predictions
where model_id = :model_id and created_at >= :start and created_at < :stop
  and (created_at, id) < (:at, :id)
  and (cast(:version_id as text) is null or version_id = :version_id)
  and (cast(:label as text) is null or label = :label)
  and (cast(:min_confidence as double precision) is null or confidence >= :min_confidence)
  and (cast(:max_confidence as double precision) is null or confidence <= :max_confidence)
order by created_at desc, id desc limit :most;

-- name: list_predictions_up
select * from predictions
where model_id = :model_id and created_at >= :start and created_at < :stop
  and (created_at, id) > (:at, :id)
  and (cast(:version_id as text) is null or version_id = :version_id)
  and (cast(:label as text) is null or label = :label)
  and (cast(:min_confidence as double precision) is null or confidence >= :min_confidence)
  and (cast(:max_confidence as double precision) is null or confidence <= :max_confidence)
order by created_at, id limit :most;

-- name: list_feedback
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and f.created_at >= :start and f.created_at < :stop
  and (f.created_at, f.id) < (:at, :id)
  and (cast(:feedback_type as text) is null or f.feedback_type = :feedback_type)
  and (cast(:status as text) is null or f.status = :status)
  and (cast(:review as text) is null or f.review = :review)
order by f.created_at desc, f.id desc limit :most;

-- name: list_feedback_of_prediction
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and f.prediction_id = :prediction_id and f.created_at >= :start and f.created_at < :stop
  and (f.created_at, f.id) < (:at, :id)
  and (cast(:feedback_type as text) is null or f.feedback_type = :feedback_type)
  and (cast(:status as text) is null or f.status = :status)
  and (cast(:review as text) is null or f.review = :review)
order by f.created_at desc, f.id desc limit :most;

-- name: feedback_changes
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and (f.updated_at, f.id) > (:at, :id) and f.updated_at < :before
  and f.created_at >= :start and f.created_at < :stop
  and (cast(:prediction_id as text) is null or f.prediction_id = :prediction_id)
  and (cast(:feedback_type as text) is null or f.feedback_type = :feedback_type)
  and (cast(:status as text) is null or f.status = :status)
  and (cast(:review as text) is null or f.review = :review)
order by f.updated_at, f.id limit :most;

-- name: last_update
select max(updated_at) as at from feedback where model_id = :model_id;

-- name: put_sums
insert into sums (model_id, version_id, arm, grain, start, writer, layout, vector)
values (:model_id, :version_id, :arm, :grain, :start, :writer, :layout, :vector)
on conflict (model_id, grain, start, version_id, arm, writer)
do update set layout = excluded.layout, vector = excluded.vector;

-- name: sums_between
select start, version_id, arm, vector from sums
where model_id = :model_id and grain = :grain and start >= :start and start < :stop
  and (cast(:version_id as text) is null or version_id = :version_id)
order by start, version_id, arm, writer;

-- name: first_sum_since
select min(start) as at from sums where model_id = :model_id and grain = :grain and start >= :since;

-- name: first_prediction_since
select min(created_at) as at from predictions where model_id = :model_id and created_at >= :since;

-- name: delete_sums_between
delete from sums where model_id = :model_id and start >= :start and start < :stop;

-- name: predictions_of_day
select p.model_id, p.id, p.version_id, p.arm, p.created_at, p.label, p.confidence, p.value, p.latency_ms, p.error,
  p.detection_count, p.ratings, l.label as true_label, l.value as true_value
from predictions p
left join labels l on l.model_id = p.model_id and l.prediction_id = p.id and l.status = 'active'
where p.model_id = :model_id and p.created_at >= :start and p.created_at < :stop and (p.created_at, p.id) > (:at, :id)
order by p.created_at, p.id limit :most;

-- name: feedback_of_day
select p.version_id, p.arm, p.created_at, p.id as prediction_id, f.id, f.feedback_type, f.rating
from predictions p
join feedback f on f.model_id = p.model_id and f.prediction_id = p.id and f.status = 'active'
where p.model_id = :model_id and p.created_at >= :start and p.created_at < :stop
  and (p.created_at, p.id, f.id) > (:at, :id, :feedback_id)
order by p.created_at, p.id, f.id limit :most;

-- name: set_input
update predictions set input_hash = :hash, input_stored = 1 where model_id = :model_id and id = :id;

-- name: add_blob
insert into blobs (hash, size, media_type, refs, created_at) values (:hash, :size, :media_type, 1, :created_at)
on conflict (hash) do update set refs = blobs.refs + 1;

-- name: drop_blob
update blobs set refs = refs - 1 where hash = :hash;

-- name: blob
select hash, size, media_type, refs from blobs where hash = :hash;

-- name: all_blobs
select hash from blobs where refs > 0 order by hash;

-- name: unreferenced_blobs
select hash from blobs where refs <= 0 order by hash limit :most;

-- name: delete_blob
delete from blobs where hash = :hash and refs <= 0 returning hash;

-- name: insert_key
insert into keys (id, kind, hash, holder, scopes, models, origins, created_at)
values (:id, :kind, :hash, :holder, :scopes, :models, :origins, :created_at);

-- name: all_keys
select id, kind, hash, holder, scopes, models, origins, created_at, revoked_at from keys order by created_at, id;

-- name: revoke_key
update keys set revoked_at = :revoked_at where id = :id and revoked_at is null;

-- name: insert_sign_in_code
insert into sign_in_codes (hash, key_id, expires_at, holder) values (:hash, :key_id, :expires_at, :holder);

-- name: sign_in_code
select key_id, expires_at, holder from sign_in_codes where hash = :hash;

-- name: delete_sign_in_code
delete from sign_in_codes where hash = :hash returning hash;

-- name: insert_session
insert into sessions (hash, key_id, expires_at, holder) values (:hash, :key_id, :expires_at, :holder);

-- name: session
select key_id, expires_at, holder from sessions where hash = :hash;

-- name: delete_session
delete from sessions where hash = :hash returning hash;

-- name: delete_old_codes
delete from sign_in_codes where expires_at < :now;

-- name: delete_old_sessions
delete from sessions where expires_at < :now;

-- name: count_predictions
select count(*) as n from predictions where model_id = :model_id;

-- name: count_labels
select count(*) as n from labels where model_id = :model_id;

-- name: count_feedback
select count(*) as n from feedback where model_id = :model_id;

-- name: all_labels
select * from labels where model_id = :model_id and (created_at, id) > (:at, :id) order by created_at, id limit :most;

-- name: all_feedback
select f.*, p.label as predicted_label, p.value as predicted_value, p.input_url, p.input_stored
from feedback f left join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and (f.created_at, f.id) > (:at, :id)
order by f.created_at, f.id limit :most;

-- name: agree
insert into agreements (name, value) values (:name, :value) on conflict (name) do nothing;

-- name: agreed
select value from agreements where name = :name;

-- name: insert_task
insert into task_runs (name, next_at) values (:name, 0) on conflict (name) do nothing;

-- name: claim_task
update task_runs set next_at = :next_at where name = :name and next_at <= :now returning name;

-- name: joinable_feedback
select f.* from feedback f join predictions p on p.model_id = f.model_id and p.id = f.prediction_id
where f.model_id = :model_id and f.status = 'orphan' order by f.id limit :most;

-- name: joinable_labels
select l.* from labels l join predictions p on p.model_id = l.model_id and p.id = l.prediction_id
where l.model_id = :model_id and l.status = 'orphan' order by l.id limit :most;

-- name: scattered_sums
select version_id, arm, grain, start from sums
where model_id = :model_id group by version_id, arm, grain, start having count(*) > 1
order by grain, start, version_id, arm limit :most;

-- name: sum_writers
select writer, vector from sums
where model_id = :model_id and version_id = :version_id and arm = :arm and grain = :grain and start = :start
order by writer;

-- name: delete_sum
delete from sums
where model_id = :model_id and version_id = :version_id and arm = :arm and grain = :grain and start = :start;

-- name: insert_rule_set
insert into rule_sets (model_id, version, settings, made_by, created_at)
values (:model_id, :version, :settings, :made_by, :created_at);

-- name: rule_sets
select version, settings, made_by, created_at from rule_sets where model_id = :model_id order by version;

-- name: delete_rule_sets
delete from rule_sets where model_id = :model_id;

-- name: return_expired_leases
update review_items set status = 'needs_review', holder = null, holder_key = null, lease_until = null, in_order = 1
where model_id = :model_id and status = 'in_review' and lease_until <= :now;

-- name: open_items
select * from review_items
where model_id = :model_id and status = 'needs_review' and (place, id) > (:place, :id)
  and (cast(:dataset_id as text) is null or dataset_id = :dataset_id)
  and (cast(:label as text) is null or label = :label)
  and (cast(:reason as text) is null or reasons like :reason)
  and passed_by not like :mine
order by place, id limit :most;

-- name: lease_item
update review_items set status = 'in_review', holder = :holder, holder_key = :holder_key, lease_until = :lease_until,
  in_order = :in_order, updated_at = :at
where model_id = :model_id and id = :id;

-- name: return_item
update review_items set status = 'needs_review', holder = null, holder_key = null, lease_until = null, in_order = 1,
  passed_by = :passed_by, updated_at = :at
where model_id = :model_id and id = :id;

-- name: close_item
update review_items set status = :status, holder = null, holder_key = null, lease_until = null, decision = :decision,
  decided_label = :decided_label, decided_value = :decided_value, decided_boxes = :decided_boxes,
  was_right = :was_right, note = :note, decided_by = :decided_by, decided_key = :decided_key, decided_at = :decided_at,
  feedback_id = :feedback_id, in_order = :in_order, dataset_id = :dataset_id, updated_at = :decided_at
where model_id = :model_id and id = :id;

-- name: reopen_item
update review_items set status = :status, holder = :holder, holder_key = :holder_key, lease_until = :lease_until,
  decision = null, decided_label = null, decided_value = null, decided_boxes = null, was_right = null, note = null,
  decided_by = null, decided_key = null, decided_at = null, feedback_id = null, updated_at = :at
where model_id = :model_id and id = :id;

-- name: set_reasons
update review_items set reasons = :reasons, updated_at = :at where model_id = :model_id and id = :id;

-- name: bring_in_order
update review_items set in_order = 1
where review_items.model_id = :model_id and rule_set = :rule_set and matched = :matched
  and in_order = 0 and was_right is not null and round = 1
  and place < coalesce((
    select min(w.place) from review_items w
    where w.model_id = :model_id and w.rule_set = :rule_set and w.matched = :matched
      and w.decision is null and w.pi is not null and w.passed_by = '' and w.round = 1
  ), 9223372036854775807)
  and exists (
    select 1 from predictions p
    where p.model_id = :model_id and p.id = review_items.prediction_id
      and p.created_at = review_items.created_at
  )
returning *;

-- name: review_of_prediction
select * from review_items where model_id = :model_id and prediction_id = :prediction_id order by round;

-- name: delete_review_item
delete from review_items where model_id = :model_id and id = :id;

-- name: delete_review_log_of
delete from review_log where model_id = :model_id and item_id = :id;

-- name: some_review_items
select model_id, id from review_items where model_id = :model_id order by id limit :most;

-- name: review_models
select r.model_id from review_items r join models m on m.id = r.model_id and m.deleted_at is null
where r.id = :id order by r.model_id limit 2;

-- name: one_review
select r.*, p.input_url, p.input_stored, p.detail, p.value
from review_items r left join predictions p on p.model_id = r.model_id and p.id = r.prediction_id
  and p.created_at = r.created_at
where r.model_id = :model_id and r.id = :id;

-- name: list_review_of_model
select r.*, p.input_url, p.input_stored
from review_items r left join predictions p on p.model_id = r.model_id and p.id = r.prediction_id
  and p.created_at = r.created_at
where r.model_id = :model_id and (r.queued_at, r.id) > (:at, :id)
  and (cast(:status as text) is null or r.status = :status)
  and (cast(:dataset_id as text) is null or r.dataset_id = :dataset_id)
  and (cast(:label as text) is null or r.label = :label)
  and (cast(:reason as text) is null or r.reasons like :reason)
order by r.queued_at, r.id limit :most;

-- name: list_review_of_dataset
select r.*, p.input_url, p.input_stored
from review_items r join models m on m.id = r.model_id and m.deleted_at is null
left join predictions p on p.model_id = r.model_id and p.id = r.prediction_id
  and p.created_at = r.created_at
where r.dataset_id = :dataset_id and (r.queued_at, r.id) > (:at, :id)
  and (cast(:status as text) is null or r.status = :status)
  and (cast(:label as text) is null or r.label = :label)
  and (cast(:reason as text) is null or r.reasons like :reason)
order by r.queued_at, r.id limit :most;

-- name: count_review
select status, round, count(*) as n from review_items where model_id = :model_id group by status, round;

-- name: insert_review_log
insert into review_log (model_id, item_id, n, at, who, action, detail)
select :model_id, :item_id, count(*), cast(:at as bigint), cast(:who as text), cast(:action as text),
  cast(:detail as text)
from review_log where model_id = :model_id and item_id = :item_id;

-- name: review_log_of
select at, who, action, detail from review_log where model_id = :model_id and item_id = :item_id order by n;

-- name: reviewed_twice
select a.label, a.decision as first_decision, a.decided_label as first_label, a.decided_boxes as first_boxes,
  b.decision as second_decision, b.decided_label as second_label, b.decided_boxes as second_boxes, a.prediction_id,
  p.detail
from review_items b
join review_items a on a.model_id = b.model_id and a.prediction_id = b.prediction_id and a.round = 1
  and a.created_at = b.created_at and a.decision is not null
left join predictions p on p.model_id = b.model_id and p.id = b.prediction_id and p.created_at = b.created_at
where b.model_id = :model_id and b.round = 2 and b.decision is not null and b.decided_at >= :since
order by b.decided_at desc, b.id limit :most;

-- name: add_strata
insert into strata (
  model_id, day, version_id, arm, rule_set, matched, writer, pi, n, confident, c_sum, c_squares, taken, decided,
  was_right, out_of_order, skipped, dc_n, dc_sum, dc_squares, d_sum, d_squares, cd_sum, unusable, expired
) values (
  :model_id, :day, :version_id, :arm, :rule_set, :matched, :writer, :pi, :n, :confident, :c_sum, :c_squares, :taken,
  :decided, :was_right, :out_of_order, :skipped, :dc_n, :dc_sum, :dc_squares, :d_sum, :d_squares, :cd_sum, :unusable,
  :expired
) on conflict (model_id, day, version_id, arm, rule_set, matched, writer) do update set
  n = strata.n + excluded.n, confident = strata.confident + excluded.confident,
  c_sum = strata.c_sum + excluded.c_sum, c_squares = strata.c_squares + excluded.c_squares,
  taken = strata.taken + excluded.taken, decided = strata.decided + excluded.decided,
  was_right = strata.was_right + excluded.was_right, out_of_order = strata.out_of_order + excluded.out_of_order,
  skipped = strata.skipped + excluded.skipped, dc_n = strata.dc_n + excluded.dc_n,
  dc_sum = strata.dc_sum + excluded.dc_sum, dc_squares = strata.dc_squares + excluded.dc_squares,
  d_sum = strata.d_sum + excluded.d_sum, d_squares = strata.d_squares + excluded.d_squares,
  cd_sum = strata.cd_sum + excluded.cd_sum, unusable = strata.unusable + excluded.unusable,
  expired = strata.expired + excluded.expired;

-- name: strata_between
select * from strata
where model_id = :model_id and day >= :start and day < :stop
  and (cast(:version_id as text) is null or version_id = :version_id)
order by day, version_id, arm, rule_set, matched, writer;

-- name: strata_totals
select rule_set, matched, pi, cast(sum(n) as bigint) as n from strata
where model_id = :model_id and rule_set >= :rule_set
group by rule_set, matched, pi
order by rule_set, matched, pi;

-- name: quota_pace
select pace from quota_paces where model_id = :model_id;

-- name: set_quota_pace
insert into quota_paces (model_id, pace) values (:model_id, :pace)
on conflict (model_id) do update set pace = excluded.pace;

-- name: delete_quota_pace
delete from quota_paces where model_id = :model_id;

-- name: delete_strata_between
delete from strata where model_id = :model_id and day >= :start and day < :stop;

-- name: delete_strata_of_model
delete from strata where model_id = :model_id;

-- name: add_confusion
insert into confusions (model_id, day, version_id, arm, rule_set, matched, predicted, actual, n)
values (:model_id, :day, :version_id, :arm, :rule_set, :matched, :predicted, :actual, :n)
on conflict (model_id, day, version_id, arm, rule_set, matched, predicted, actual)
do update set n = confusions.n + excluded.n;

-- name: confusions_between
select * from confusions
where model_id = :model_id and day >= :start and day < :stop and n > 0
  and (cast(:version_id as text) is null or version_id = :version_id)
order by day, version_id, arm, rule_set, matched, predicted, actual;

-- name: repeats_between
select i.created_at, i.version_id, i.rule_set, i.matched, i.place, i.label, i.decided_label, i.was_right
from review_items i
where i.model_id = :model_id and i.created_at >= :start and i.created_at < :stop
  and i.was_right is not null and i.pi is not null and i.round = 1
  and (cast(:version_id as text) is null or i.version_id = :version_id)
  and i.place in (
    select r.place from review_items r
    where r.model_id = :model_id and r.created_at >= :start and r.created_at < :stop
      and r.was_right is not null and r.pi is not null and r.round = 1
      and (cast(:version_id as text) is null or r.version_id = :version_id)
    group by r.place having count(*) > 1
  )
order by i.place, i.created_at, i.id;

-- name: judged_of_arm
select i.rule_set, i.matched, i.place, coalesce(p.unit, '') as unit
from review_items i left join predictions p on p.model_id = i.model_id and p.id = i.prediction_id
where i.model_id = :model_id and i.created_at >= :start and i.arm = :arm
  and i.was_right is not null and i.pi is not null and i.round = 1
order by i.place, i.created_at, i.id;

-- name: delete_confusions_between
delete from confusions where model_id = :model_id and day >= :start and day < :stop;

-- name: delete_confusions_of_model
delete from confusions where model_id = :model_id;

-- name: strata_of_day
select p.version_id, p.arm, p.created_at, p.id, p.label, p.confidence, p.rule_set, p.matched, p.taken, p.pi,
  r.decision, r.decided_label, r.was_right, r.in_order, r.passed_by, r.pi as item_pi, r.id as item_id
from predictions p
left join review_items r on r.model_id = p.model_id and r.prediction_id = p.id and r.round = 1
  and r.created_at = p.created_at
where p.model_id = :model_id and p.created_at >= :start and p.created_at < :stop and (p.created_at, p.id) > (:at, :id)
order by p.created_at, p.id limit :most;

-- name: review_of_subject
select * from review_items where subject = :subject order by model_id, id limit :most;

-- name: insert_dataset
insert into datasets (id, name, task, splits, digest, created_by, created_at)
values (:id, :name, :task, :splits, :digest, :created_by, :created_at);

-- name: all_datasets
select * from datasets order by created_at, id;

-- name: dataset
select * from datasets where id = :id;

-- name: set_dataset_task
update datasets set task = :task where id = :id;

-- name: mark_dataset_deleted
update datasets set deleted_at = :deleted_at where id = :id;

-- name: delete_dataset
delete from datasets where id = :id;

-- name: insert_dataset_version
insert into dataset_versions (
  dataset_id, number, id, name, parent_id, digest, created_by, created_at, counts, erased
) values (:dataset_id, :number, :id, :name, :parent_id, :digest, :created_by, :created_at, :counts, 0);

-- name: dataset_version
select * from dataset_versions where dataset_id = :dataset_id and id = :id;

-- name: dataset_versions_of_id
select v.* from dataset_versions v join datasets d on d.id = v.dataset_id and d.deleted_at is null
where v.id = :id order by v.dataset_id limit 2;

-- name: latest_dataset_version
select * from dataset_versions where dataset_id = :dataset_id order by number desc limit 1;

-- name: list_dataset_versions
select * from dataset_versions where dataset_id = :dataset_id and number > :number order by number limit :most;

-- name: dataset_versions_between
select * from dataset_versions
where dataset_id = :dataset_id and number >= :since and number < :until order by number;

-- name: set_dataset_version_counts
update dataset_versions set counts = :counts, erased = :erased where dataset_id = :dataset_id and number = :number;

-- name: delete_dataset_versions
delete from dataset_versions where dataset_id = :dataset_id;

-- name: insert_dataset_item
insert into dataset_items (
  dataset_id, id, since, until, digest, model_id, prediction_id, label, value, boxes, width, height, input_hash,
  input_url, input_id, input_stored, source, reviewer, feedback_id, pi, note, created_at, split, subject
) values (
  :dataset_id, :id, :since, :until, :digest, :model_id, :prediction_id, :label, :value, :boxes, :width, :height,
  :input_hash, :input_url, :input_id, :input_stored, :source, :reviewer, :feedback_id, :pi, :note, :created_at, :split,
  :subject
);

-- name: dataset_item
select * from dataset_items where dataset_id = :dataset_id and id = :id and until = :until;

-- name: end_dataset_item
update dataset_items set until = :until where dataset_id = :dataset_id and id = :id and since = :since;

-- name: set_dataset_item_stored
update dataset_items set input_stored = 1 where dataset_id = :dataset_id and id = :id and since = :since;

-- name: delete_dataset_item
delete from dataset_items where dataset_id = :dataset_id and id = :id and since = :since;

-- name: list_dataset_items
select * from dataset_items
where dataset_id = :dataset_id and id > :id and since <= :number and until > :number
  and (cast(:split as text) is null or split = :split)
  and (cast(:source as text) is null or source = :source)
  and (cast(:label as text) is null or label = :label or replace(boxes, :needle, '') <> boxes)
order by id limit :most;

-- name: count_unsized_dataset_items
select count(*) as n, min(id) as first from dataset_items
where dataset_id = :dataset_id and since <= :number and until > :number and (width is null or height is null);

-- name: dataset_items_entered
select count(*) as n from dataset_items
where dataset_id = :dataset_id and since > :old and since <= :new and until > :new;

-- name: dataset_items_left
select count(*) as n from dataset_items
where dataset_id = :dataset_id and until > :old and until <= :new and since <= :old;

-- name: dataset_items_in_both
select count(*) as n, cast(coalesce(sum(case when a.digest <> b.digest then 1 else 0 end), 0) as bigint) as changed
from dataset_items a join dataset_items b on b.dataset_id = a.dataset_id and b.id = a.id
where a.dataset_id = :dataset_id and a.since > :old and a.since <= :new and a.until > :new
  and b.until > :old and b.until <= :new and b.since <= :old;

-- name: some_dataset_items
select * from dataset_items where dataset_id = :dataset_id order by id, since limit :most;

-- name: dataset_items_after
select * from dataset_items
where dataset_id = :dataset_id and (id, since) > (:id, :since) order by id, since limit :most;

-- name: dataset_items_of_subject
select * from dataset_items where subject = :subject order by dataset_id, id, since limit :most;

-- name: detach_dataset_items
update dataset_items set prediction_id = null, feedback_id = null
where dataset_id = :dataset_id and model_id = :of_model and prediction_id is not null;

-- name: add_dataset_count
insert into dataset_counts (dataset_id, split, label, n) values (:dataset_id, :split, :label, :n)
on conflict (dataset_id, split, label) do update set n = dataset_counts.n + excluded.n;

-- name: dataset_counts
select split, label, n from dataset_counts where dataset_id = :dataset_id and n <> 0 order by split, label;

-- name: delete_dataset_counts
delete from dataset_counts where dataset_id = :dataset_id;

-- name: hold_blob
update blobs set refs = refs + 1 where hash = :hash and refs > 0 returning hash;

-- name: insert_training_job
insert into training_jobs (
  id, name, dataset_id, version_id, base_model_id, status, digest, created_by, created_at
) values (:id, :name, :dataset_id, :version_id, :base_model_id, :status, :digest, :created_by, :created_at);

-- name: training_job
select * from training_jobs where id = :id;

-- name: latest_training_jobs
select * from training_jobs where (created_at, id) < (:at, :id) order by created_at desc, id desc limit :most;

-- name: list_training_jobs
select * from training_jobs where (created_at, id) > (:at, :id) order by created_at, id limit :most;

-- name: insert_ab_test
insert into ab_tests (
  id, name, status, arms, config, digest, created_by, created_at, started_at, ends_at, stopped_at, decided_at,
  started_by, stopped_by, decided_by, chosen_arm, note, thinned
) values (
  :id, :name, :status, :arms, :config, :digest, :created_by, :created_at, :started_at, :ends_at, :stopped_at,
  :decided_at, :started_by, :stopped_by, :decided_by, :chosen_arm, :note, 0
);

-- name: update_ab_test
update ab_tests set name = :name, status = :status, arms = :arms, config = :config, started_at = :started_at,
  started_by = :started_by, ends_at = :ends_at, stopped_at = :stopped_at, stopped_by = :stopped_by,
  decided_at = :decided_at, decided_by = :decided_by, chosen_arm = :chosen_arm, note = :note
where id = :id;

-- name: all_ab_tests
select * from ab_tests order by created_at, id;

-- name: ab_test
select * from ab_tests where id = :id;

-- name: thin_ab_test
update ab_tests set thinned = 1 where id = :id;

-- name: set_ab_looked
update ab_tests set looked_at = :at where id = :id;

-- name: put_ab_unit
insert into ab_units (
  ab_test_id, unit, arm, assigned, predictions, errors, rated, votes, net, confidence_n, confidence_sum, latency_n,
  latency_sum, outside, misplaced
) values (
  :ab_test_id, :unit, :arm, :assigned, :predictions, :errors, :rated, :votes, :net, :confidence_n, :confidence_sum,
  :latency_n, :latency_sum, :outside, :misplaced
) on conflict (ab_test_id, unit, arm) do update set
  assigned = excluded.assigned, predictions = excluded.predictions, errors = excluded.errors, rated = excluded.rated,
  votes = excluded.votes, net = excluded.net, confidence_n = excluded.confidence_n,
  confidence_sum = excluded.confidence_sum, latency_n = excluded.latency_n, latency_sum = excluded.latency_sum,
  outside = excluded.outside, misplaced = excluded.misplaced;

-- name: delete_ab_unit
delete from ab_units where ab_test_id = :ab_test_id and unit = :unit and arm = :arm;

-- name: ab_units_after
select * from ab_units where ab_test_id = :ab_test_id and (unit, arm) > (:unit, :arm) order by unit, arm limit :most;

-- name: add_ab_sums
insert into ab_sums (
  ab_test_id, arm, metric, writer, units, x, n, xx_low, xx_high, nn_low, nn_high, xn_low, xn_high
) values (
  :ab_test_id, :arm, :metric, :writer, :units, :x, :n, :xx_low, :xx_high, :nn_low, :nn_high, :xn_low, :xn_high
) on conflict (ab_test_id, arm, metric, writer) do update set
  units = ab_sums.units + excluded.units, x = ab_sums.x + excluded.x, n = ab_sums.n + excluded.n,
  xx_low = ab_sums.xx_low + excluded.xx_low, xx_high = ab_sums.xx_high + excluded.xx_high,
  nn_low = ab_sums.nn_low + excluded.nn_low, nn_high = ab_sums.nn_high + excluded.nn_high,
  xn_low = ab_sums.xn_low + excluded.xn_low, xn_high = ab_sums.xn_high + excluded.xn_high;

-- name: ab_sums
select * from ab_sums where ab_test_id = :ab_test_id order by arm, metric, writer;

-- name: delete_ab_sums
delete from ab_sums where ab_test_id = :ab_test_id;

-- name: add_ab_exposure
insert into ab_exposures (ab_test_id, arm, writer, seen, assigned, mixed, misplaced, outside)
values (:ab_test_id, :arm, :writer, :seen, :assigned, :mixed, :misplaced, :outside)
on conflict (ab_test_id, arm, writer) do update set
  seen = ab_exposures.seen + excluded.seen, assigned = ab_exposures.assigned + excluded.assigned,
  mixed = ab_exposures.mixed + excluded.mixed, misplaced = ab_exposures.misplaced + excluded.misplaced,
  outside = ab_exposures.outside + excluded.outside;

-- name: ab_exposures
select * from ab_exposures where ab_test_id = :ab_test_id order by arm, writer;

-- name: delete_ab_exposures
delete from ab_exposures where ab_test_id = :ab_test_id;

-- name: insert_ab_look
insert into ab_looks (ab_test_id, at, look) values (:ab_test_id, :at, :look) on conflict (ab_test_id, at) do nothing;

-- name: ab_looks
select at, look from ab_looks where ab_test_id = :ab_test_id order by at;

-- name: ab_predictions_after
select id, arm, created_at, error, confidence, latency_ms, ratings, ab_test_id, unit, assigned from predictions
where model_id = :model_id and ab_test_id = :ab_test_id and id > :id order by id limit :most;

-- name: ab_votes_after
select p.id, p.arm, p.created_at, p.error, p.confidence, p.latency_ms, p.ab_test_id, p.unit, p.assigned,
  f.id as feedback_id, f.rating
from predictions p
join feedback f on f.model_id = p.model_id and f.prediction_id = p.id and f.status = 'active'
where p.model_id = :model_id and p.ab_test_id = :ab_test_id and f.rating <> 0
  and (p.id, f.id) > (:id, :feedback_id)
order by p.id, f.id limit :most;

-- name: delete_ab_units
delete from ab_units where ab_test_id = :ab_test_id;

-- name: strata_of_arm
select * from strata where model_id = :model_id and day >= :day and arm = :arm;
