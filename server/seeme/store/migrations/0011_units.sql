-- Whoever erases a unit means its predictions, too, though they name another subject; and who did what to a test.

create index predictions_by_unit on predictions (unit) where unit is not null;

alter table ab_tests add column started_by text;
alter table ab_tests add column stopped_by text;
