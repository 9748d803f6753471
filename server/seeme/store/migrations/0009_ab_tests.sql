-- A/B tests: what is compared, a row per unit and arm, and each arm's exact sums.

create table ab_tests (
  id text primary key,
  name text not null,
  status text not null,
  arms text not null,
  config text not null,
  digest bytea not null,
  created_by text not null,
  created_at bigint not null,
  started_at bigint,
  ends_at bigint,
  stopped_at bigint,
  decided_at bigint,
  decided_by text,
  chosen_arm text,
  note text,
  looked_at bigint,
  thinned bigint not null
);

-- The arm that the hash gave a prediction's unit; '' where the test's coverage left the unit out.
alter table predictions add column assigned text;

-- Nothing has ever written the first form of it. `unit` is a keyed hash, as subjects are.
drop table ab_units;
create table ab_units (
  ab_test_id text not null,
  unit text not null,
  arm text not null,
  assigned text not null,
  predictions bigint not null,
  errors bigint not null,
  rated bigint not null,
  votes bigint not null,
  net bigint not null,
  confidence_n bigint not null,
  confidence_sum bigint not null,
  latency_n bigint not null,
  latency_sum bigint not null,
  outside bigint not null,
  misplaced bigint not null,
  primary key (ab_test_id, unit, arm)
);

-- Sums over the units of an arm that count for a metric. Squares and products are wider than 64 bits could become:
-- each is low + 2^32 * high.
create table ab_sums (
  ab_test_id text not null,
  arm text not null,
  metric text not null,
  writer text not null,
  units bigint not null,
  x bigint not null,
  n bigint not null,
  xx_low bigint not null,
  xx_high bigint not null,
  nn_low bigint not null,
  nn_high bigint not null,
  xn_low bigint not null,
  xn_high bigint not null,
  primary key (ab_test_id, arm, metric, writer)
);

-- Units by arm: how many were seen there, how many the hash gave it, and why some don't count.
create table ab_exposures (
  ab_test_id text not null,
  arm text not null,
  writer text not null,
  seen bigint not null,
  assigned bigint not null,
  mixed bigint not null,
  misplaced bigint not null,
  outside bigint not null,
  primary key (ab_test_id, arm, writer)
);

-- What a running test showed, time after time.
create table ab_looks (
  ab_test_id text not null,
  at bigint not null,
  look text not null,
  primary key (ab_test_id, at)
);
