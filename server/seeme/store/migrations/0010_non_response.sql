-- Why reviewed or taken predictions have no verdict is told apart, and what an estimate asks of the queue is indexed.

alter table strata add column unusable bigint not null default 0;
alter table strata add column expired bigint not null default 0;

-- Until now a decision "unusable" was counted as a skip: it is found again among the items, and put on one writer.
update strata set unusable = (
  select count(*) from review_items r
  where r.model_id = strata.model_id and r.created_at >= strata.day and r.created_at < strata.day + 86400000000
    and r.version_id = strata.version_id and r.arm = strata.arm and r.rule_set = strata.rule_set
    and r.matched = strata.matched and r.round = 1 and r.pi is not null and r.decision = 'unusable'
)
where writer = (
  select min(s.writer) from strata s
  where s.model_id = strata.model_id and s.day = strata.day and s.version_id = strata.version_id and s.arm = strata.arm
    and s.rule_set = strata.rule_set and s.matched = strata.matched
);
update strata set skipped = skipped - unusable where unusable > 0;

-- The first open item of a stratum that nobody has skipped, and what was decided before its turn.
create index review_waiting on review_items (model_id, rule_set, matched, place)
  where decision is null and pi is not null and passed_by = '' and round = 1;
create index review_early on review_items (model_id, rule_set, matched, place)
  where in_order = 0 and was_right is not null and round = 1;
-- Which decided predictions are copies of one another: the same input has the same place.
create index review_judged on review_items (model_id, created_at, place, version_id)
  where was_right is not null and pi is not null and round = 1;
