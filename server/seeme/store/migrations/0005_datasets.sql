-- Datasets, their versions and training jobs are few; items are many, and kept by their dataset.

create table datasets (
  id text primary key,
  name text not null,
  task text,
  splits text not null,
  digest bytea not null,
  created_by text not null,
  created_at bigint not null,
  deleted_at bigint
);

create table dataset_versions (
  dataset_id text not null,
  number bigint not null,
  id text not null,
  name text not null,
  parent_id text,
  digest bytea not null,
  created_by text not null,
  created_at bigint not null,
  counts text not null,
  erased bigint not null,
  primary key (dataset_id, number)
);
create unique index dataset_versions_by_id on dataset_versions (dataset_id, id);

-- A row is in the versions since <= number < until; 2^62 as `until` means that it is in the working set still.
create table dataset_items (
  dataset_id text not null,
  id text not null,
  since bigint not null,
  until bigint not null,
  digest bytea not null,
  model_id text,
  prediction_id text,
  label text,
  value double precision,
  boxes text,
  width bigint,
  height bigint,
  input_hash text,
  input_url text,
  input_id text,
  input_stored bigint not null,
  source text not null,
  reviewer text,
  feedback_id text,
  pi double precision,
  note text,
  created_at bigint not null,
  split text not null,
  subject bytea,
  primary key (dataset_id, id, since)
);
create index dataset_items_by_start on dataset_items (dataset_id, since);
create index dataset_items_by_end on dataset_items (dataset_id, until);
create index dataset_items_by_prediction on dataset_items (model_id, prediction_id) where prediction_id is not null;
create index dataset_items_by_subject on dataset_items (subject) where subject is not null;

-- Of the working set: items of a split (the label ''), and of each label in it, boxes where those are labelled.
create table dataset_counts (
  dataset_id text not null,
  split text not null,
  label text not null,
  n bigint not null,
  primary key (dataset_id, split, label)
);

create table training_jobs (
  id text primary key,
  name text not null,
  dataset_id text not null,
  version_id text not null,
  base_model_id text,
  status text not null,
  digest bytea not null,
  created_by text not null,
  created_at bigint not null
);
