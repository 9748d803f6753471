-- What SQLite does otherwise than PostgreSQL: a list of keys is one JSON value, of any number of models, and an insert
-- doesn't say which ids were free, as the one writer has just asked. Where it would read all of a model or of a test for each
-- key, it is told how to go (cross join, indexed by).

-- name: known_predictions
select 'live' as state, p.model_id, p.id, p.digest
from json_each(:keys) j
join predictions p on p.model_id = json_extract(j.value, '$[0]') and p.id = json_extract(j.value, '$[1]')
union all
select 'gone', t.model_id, t.id, x''
from json_each(:keys) j
join tombstones t on t.model_id = json_extract(j.value, '$[0]') and t.id = json_extract(j.value, '$[1]')
  and t.kind = 'prediction'
union all
select 'awaited', l.model_id, l.prediction_id, x''
from json_each(:keys) j
join labels l indexed by labels_orphaned
  on l.model_id = json_extract(j.value, '$[0]') and l.prediction_id = json_extract(j.value, '$[1]')
where l.status = 'orphan'
union all
select 'awaited', f.model_id, f.prediction_id, x''
from json_each(:keys) j
join feedback f indexed by feedback_orphaned
  on f.model_id = json_extract(j.value, '$[0]') and f.prediction_id = json_extract(j.value, '$[1]')
where f.status = 'orphan';

-- name: known_feedback
select 'live' as state, f.model_id, f.id, f.digest, f.status
from json_each(:keys) j
join feedback f on f.model_id = json_extract(j.value, '$[0]') and f.id = json_extract(j.value, '$[1]')
union all
select 'gone', t.model_id, t.id, x'', ''
from json_each(:keys) j
join tombstones t on t.model_id = json_extract(j.value, '$[0]') and t.id = json_extract(j.value, '$[1]')
  and t.kind = 'feedback';

-- name: known_labels
select 'live' as state, l.model_id, l.id, l.digest, l.status
from json_each(:keys) j
join labels l on l.model_id = json_extract(j.value, '$[0]') and l.id = json_extract(j.value, '$[1]')
union all
select 'gone', t.model_id, t.id, x'', ''
from json_each(:keys) j
join tombstones t on t.model_id = json_extract(j.value, '$[0]') and t.id = json_extract(j.value, '$[1]')
  and t.kind = 'label';

-- name: models_of_predictions
select p.model_id, p.id
from json_each(:ids) j
join predictions p on p.id = j.value
join models m on m.id = p.model_id and m.deleted_at is null
order by p.id, p.model_id;

-- name: targets
select p.model_id, p.id, p.version_id, p.arm, p.created_at, p.label, p.value, p.detection_count, p.ratings, p.confidence,
  p.rule_set, p.matched, p.pi, p.input_hash, p.subject, p.ab_test_id, p.unit
from json_each(:keys) j
join predictions p on p.model_id = json_extract(j.value, '$[0]') and p.id = json_extract(j.value, '$[1]');

-- name: gone_predictions
select t.model_id, t.id
from json_each(:keys) j
join tombstones t on t.model_id = json_extract(j.value, '$[0]') and t.id = json_extract(j.value, '$[1]')
  and t.kind = 'prediction';

-- name: orphaned_feedback_of
select f.*
from json_each(:keys) j
join feedback f on f.model_id = json_extract(j.value, '$[0]') and f.prediction_id = json_extract(j.value, '$[1]')
where f.status = 'orphan';

-- name: orphaned_labels_of
select l.*
from json_each(:keys) j
join labels l on l.model_id = json_extract(j.value, '$[0]') and l.prediction_id = json_extract(j.value, '$[1]')
where l.status = 'orphan';

-- name: active_in_slots
select f.*
from json_each(:keys) j
join feedback f on f.model_id = json_extract(j.value, '$[0]') and f.prediction_id = json_extract(j.value, '$[1]')
  and f.slot = json_extract(j.value, '$[2]')
where f.status = 'active';

-- name: lookalikes
select f.*
from json_each(:keys) j
join feedback f indexed by feedback_active
  on f.model_id = json_extract(j.value, '$[0]') and f.prediction_id = json_extract(j.value, '$[1]')
  and f.feedback_type = json_extract(j.value, '$[2]')
  and f.received_at > json_extract(j.value, '$[3]') and f.received_at < json_extract(j.value, '$[4]')
where f.status = 'active' and coalesce(f.rating, -9) = json_extract(j.value, '$[5]')
  and coalesce(f.correct_label, '') = json_extract(j.value, '$[6]')
  and coalesce(f.detection_index, -1) = json_extract(j.value, '$[7]')
  and coalesce(f.box, '') = json_extract(j.value, '$[8]') and coalesce(f.notes, '') = json_extract(j.value, '$[9]');

-- name: page_votes
select f.model_id, f.prediction_id, f.received_at
from json_each(:keys) j
join feedback f indexed by feedback_active
  on f.model_id = json_extract(j.value, '$[0]') and f.prediction_id = json_extract(j.value, '$[1]')
  and f.received_at > json_extract(j.value, '$[2]') and f.received_at <= json_extract(j.value, '$[3]')
where f.status = 'active' and f.feedback_type = 'rating' and f.rating <> 0 and substr(f.key_id, 1, 3) = 'pk_';

-- name: feedback_rows
select f.*
from json_each(:keys) j
join feedback f on f.model_id = json_extract(j.value, '$[0]') and f.id = json_extract(j.value, '$[1]');

-- name: active_labels_of
select l.*
from json_each(:keys) j
join labels l on l.model_id = json_extract(j.value, '$[0]') and l.prediction_id = json_extract(j.value, '$[1]')
where l.status = 'active';

-- name: sum_rows
select s.model_id, s.version_id, s.arm, s.grain, s.start, s.vector
from json_each(:keys) j
join sums s on s.model_id = json_extract(j.value, '$[0]') and s.grain = json_extract(j.value, '$[3]')
  and s.start = json_extract(j.value, '$[4]') and s.version_id = json_extract(j.value, '$[1]')
  and s.arm = json_extract(j.value, '$[2]') and s.writer = :writer;

-- name: live_models
select m.id, m.generation from json_each(:ids) j join models m on m.id = j.value where m.deleted_at is null;

-- name: truths_of
select l.*
from json_each(:ids) j
join labels l on l.model_id = :model_id and l.prediction_id = j.value
where l.status = 'active';

-- name: insert_predictions
insert into predictions (
  model_id, id, version_id, arm, created_at, received_at, digest, label, confidence, value, latency_ms, error,
  detection_count, detail, input_url, input_hash, input_id, input_stored, subject, matched, taken, rule_set, pi,
  ratings, ab_test_id, unit, assigned
) values (
  :model_id, :id, :version_id, :arm, :created_at, :received_at, :digest, :label, :confidence, :value, :latency_ms,
  :error, :detection_count, :detail, :input_url, :input_hash, :input_id, 0, :subject, :matched, :taken, :rule_set, :pi, 0,
  :ab_test_id, :unit, :assigned
);

-- name: insert_labels
insert into labels (model_id, id, prediction_id, created_at, received_at, digest, status, label, value, boxes)
values (:model_id, :id, :prediction_id, :created_at, :received_at, :digest, :status, :label, :value, :boxes);

-- name: insert_feedback
insert into feedback (
  model_id, id, prediction_id, feedback_type, slot, status, status_reason, review, created_at, received_at, updated_at,
  digest, rating, correct_label, correct_value, detection_index, box, notes, supersedes, subject, key_id
) values (
  :model_id, :id, :prediction_id, :feedback_type, :slot, :status, :status_reason, 'pending', :created_at,
  :received_at, :updated_at, :digest, :rating, :correct_label, :correct_value, :detection_index, :box, :notes,
  :supersedes, :subject, :key_id
);

-- name: insert_review_items
insert or ignore into review_items (
  model_id, id, prediction_id, round, dataset_id, status, reasons, rule_set, matched, pi, place, version_id, arm, label,
  confidence, created_at, queued_at, updated_at, in_order, passed_by, subject
) values (
  :model_id, :id, :prediction_id, :round, :dataset_id, 'needs_review', :reasons, :rule_set, :matched, :pi, :place,
  :version_id, :arm, :label, :confidence, :created_at, :queued_at, :updated_at, :in_order, :passed_by,
  :subject
);

-- name: review_rows
select r.*
from json_each(:keys) j
join review_items r on r.model_id = json_extract(j.value, '$[0]') and r.id = json_extract(j.value, '$[1]');

-- name: review_of_predictions
select r.*
from json_each(:keys) j
join review_items r on r.model_id = json_extract(j.value, '$[0]') and r.prediction_id = json_extract(j.value, '$[1]');

-- name: dataset_items_of_predictions
select i.*
from json_each(:ids) j
join dataset_items i on i.model_id = :model_id and i.prediction_id = j.value and i.subject = :subject;

-- name: latest_of_input_hashes
select j.value as input, p.id, p.created_at, p.label, p.confidence, p.value, p.error,
  case when cast(:detailed as bigint) = 1 then p.detail end as detail
from json_each(:ids) j
cross join predictions p on p.model_id = :model_id and p.id = (
  select q.id from predictions q indexed by predictions_by_input_hash
  where q.model_id = :model_id and q.version_id = :version_id and q.version_id <> ''
    and substr(q.input_hash, 1, 16) = substr(j.value, 1, 16) and q.input_hash = j.value
  order by q.created_at desc, q.id desc limit 1
);

-- name: latest_of_input_ids
select j.value as input, p.id, p.created_at, p.label, p.confidence, p.value, p.error,
  case when cast(:detailed as bigint) = 1 then p.detail end as detail
from json_each(:ids) j
cross join predictions p on p.model_id = :model_id and p.id = (
  select q.id from predictions q indexed by predictions_by_input_id
  where q.model_id = :model_id and q.version_id = :version_id and q.version_id <> '' and q.input_id = j.value
  order by q.created_at desc, q.id desc limit 1
);

-- name: ab_units_of
select u.* from json_each(:units) j cross join ab_units u where u.ab_test_id = :ab_test_id and u.unit = j.value;
