-- The data engine: its settings, what was taken for review, what people decided, and the exact counts behind accuracy.

alter table models add column data_engine text not null default '{}';

create table rule_sets (
  model_id text not null,
  version bigint not null,
  settings text not null,
  made_by text not null,
  created_at bigint not null,
  primary key (model_id, version)
);

-- `place` is a hash: open items are served by it, so that the decided ones are a random part of those that were taken.
create table review_items (
  model_id text not null,
  id text not null,
  prediction_id text not null,
  round bigint not null,
  dataset_id text not null,
  status text not null,
  reasons text not null,
  rule_set bigint,
  matched text not null,
  pi double precision,
  place bigint not null,
  version_id text not null,
  arm text not null,
  label text,
  confidence double precision,
  created_at bigint not null,
  queued_at bigint not null,
  updated_at bigint not null,
  in_order bigint not null,
  passed_by text not null,
  holder text,
  holder_key text,
  lease_until bigint,
  decision text,
  decided_label text,
  decided_value double precision,
  decided_boxes text,
  was_right bigint,
  note text,
  decided_by text,
  decided_key text,
  decided_at bigint,
  feedback_id text,
  subject bytea,
  primary key (model_id, id)
);
create index review_open on review_items (model_id, place, id) where status = 'needs_review';
create index review_leased on review_items (model_id, lease_until, id) where status = 'in_review';
create index review_by_prediction on review_items (model_id, prediction_id, round);
create index review_by_model on review_items (model_id, status, queued_at, id);
create index review_by_dataset on review_items (dataset_id, status, queued_at, id);
create index review_by_subject on review_items (subject) where subject is not null;
create index review_by_id on review_items (id);

create table review_log (
  model_id text not null,
  item_id text not null,
  n bigint not null,
  at bigint not null,
  who text not null,
  action text not null,
  detail text,
  primary key (model_id, item_id, n)
);

-- One row per stratum (the rule set and the rules that matched), day of the predictions, version, arm and writer.
-- Confidences (c) and differences (d = was right - c) in units of 1e-4, squares and products in 1e-8.
create table strata (
  model_id text not null,
  day bigint not null,
  version_id text not null,
  arm text not null,
  rule_set bigint not null,
  matched text not null,
  writer text not null,
  pi double precision not null,
  n bigint not null,
  confident bigint not null,
  c_sum bigint not null,
  c_squares bigint not null,
  taken bigint not null,
  decided bigint not null,
  was_right bigint not null,
  out_of_order bigint not null,
  skipped bigint not null,
  dc_n bigint not null,
  dc_sum bigint not null,
  dc_squares bigint not null,
  d_sum bigint not null,
  d_squares bigint not null,
  cd_sum bigint not null,
  primary key (model_id, day, version_id, arm, rule_set, matched, writer)
);

-- What reviewed predictions said, and what was true: how often, by stratum.
create table confusions (
  model_id text not null,
  day bigint not null,
  version_id text not null,
  arm text not null,
  rule_set bigint not null,
  matched text not null,
  predicted text not null,
  actual text not null,
  n bigint not null,
  primary key (model_id, day, version_id, arm, rule_set, matched, predicted, actual)
);
