-- How far a model is within the quota of its review queue, as JSON; and what each rule set has judged, over all days.

create table quota_paces (
  model_id text primary key,
  pace text not null
);
create index strata_by_rule_set on strata (model_id, rule_set);
