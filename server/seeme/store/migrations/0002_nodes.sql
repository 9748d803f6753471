-- What several nodes on one database need of each other.

-- A lane of the sums is one label's: two nodes that meet new labels at once must not give both the same lane.
create unique index label_positions_once on label_positions (model_id, position);

-- Changes whenever sums were folded or made again: what a node remembers of its own rows is then out of date.
alter table models add column generation bigint not null default 0;

-- What all nodes must have in common, such as the secret that subjects are hashed with (its fingerprint).
create table agreements (
  name text primary key,
  value text not null
);

-- When each periodic task is due next: the node that moves the time runs it.
create table task_runs (
  name text primary key,
  next_at bigint not null
);
