-- Whoever erases a unit means its predictions, too, though they name another subject.

create index predictions_by_unit on predictions (unit) where unit is not null;
