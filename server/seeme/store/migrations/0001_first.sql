-- The common tongue of SQLite and PostgreSQL: text ids, bigint microseconds, keys that start with the model.

create table models (
  id text primary key,
  name text not null,
  task text not null,
  labels text not null,
  config text not null,
  digest bytea not null,
  created_at bigint not null,
  updated_at bigint not null,
  deleted_at bigint
);

create table signing_secrets (
  model_id text not null,
  kid text not null,
  secret text not null,
  created_at bigint not null,
  retired_at bigint,
  primary key (model_id, kid)
);

create table label_positions (
  model_id text not null,
  label text not null,
  position bigint not null,
  primary key (model_id, label)
);

create table versions (
  model_id text not null,
  id text not null,
  name text not null,
  digest bytea not null,
  created_at bigint not null,
  primary key (model_id, id)
);

create table predictions (
  model_id text not null,
  id text not null,
  version_id text not null,
  arm text not null,
  created_at bigint not null,
  received_at bigint not null,
  digest bytea not null,
  label text,
  confidence double precision check (confidence between 0 and 1),
  value double precision,
  latency_ms double precision check (latency_ms >= 0),
  error text,
  detection_count bigint,
  detail text,
  input_url text,
  input_hash text,
  input_id text,
  input_stored bigint not null,
  subject bytea,
  ab_test_id text,
  unit text,
  matched text,
  taken text,
  rule_set bigint,
  pi double precision,
  ratings bigint not null,
  primary key (model_id, id)
);
create index predictions_by_time on predictions (model_id, created_at, id);
create index predictions_by_receipt on predictions (model_id, received_at, id);
create index predictions_by_id on predictions (id);
create index predictions_by_subject on predictions (subject) where subject is not null;

create table labels (
  model_id text not null,
  id text not null,
  prediction_id text not null,
  created_at bigint not null,
  received_at bigint not null,
  digest bytea not null,
  status text not null,
  label text,
  value double precision,
  boxes text,
  primary key (model_id, id)
);
create index labels_by_prediction on labels (model_id, prediction_id, created_at, id);
create index labels_by_id on labels (id);
create index labels_orphaned on labels (model_id, prediction_id) where status = 'orphan';

create table feedback (
  model_id text not null,
  id text not null,
  prediction_id text not null,
  feedback_type text not null,
  slot text not null,
  status text not null,
  status_reason text,
  review text not null,
  reviewed_by text,
  reviewed_at bigint,
  created_at bigint not null,
  received_at bigint not null,
  updated_at bigint not null,
  digest bytea not null,
  rating bigint,
  correct_label text,
  correct_value double precision,
  detection_index bigint,
  box text,
  notes text,
  supersedes text,
  subject bytea,
  key_id text not null,
  primary key (model_id, id)
);
create index feedback_by_time on feedback (model_id, created_at, id);
create index feedback_by_update on feedback (model_id, updated_at, id);
create index feedback_by_prediction on feedback (model_id, prediction_id, slot);
create index feedback_by_id on feedback (id);
create index feedback_orphaned on feedback (model_id, prediction_id) where status = 'orphan';
create index feedback_quarantined on feedback (model_id, received_at, id) where status = 'quarantined';
create index feedback_by_subject on feedback (subject) where subject is not null;

create table tombstones (
  model_id text not null,
  kind text not null,
  id text not null,
  deleted_at bigint not null,
  primary key (model_id, kind, id)
);
create index tombstones_by_age on tombstones (deleted_at);

create table sums (
  model_id text not null,
  grain bigint not null,
  start bigint not null,
  version_id text not null,
  arm text not null,
  writer text not null,
  layout bigint not null,
  vector bytea not null,
  primary key (model_id, grain, start, version_id, arm, writer)
);

-- Days that have lost rows to retention: their sums can't be made again from rows.
create table thinned_days (
  model_id text not null,
  start bigint not null,
  primary key (model_id, start)
);

create table ab_units (
  ab_test_id text not null,
  unit text not null,
  metric text not null,
  arm text not null,
  n bigint not null,
  total bigint not null,
  primary key (ab_test_id, unit, metric)
);

create table blobs (
  hash text primary key,
  size bigint not null,
  media_type text not null,
  refs bigint not null,
  created_at bigint not null
);

create table keys (
  id text primary key,
  kind text not null,
  hash bytea not null,
  holder text not null,
  scopes text not null,
  models text not null,
  origins text not null,
  created_at bigint not null,
  revoked_at bigint
);

create table sign_in_codes (
  hash bytea primary key,
  key_id text not null,
  expires_at bigint not null
);

create table sessions (
  hash bytea primary key,
  key_id text not null,
  expires_at bigint not null
);
