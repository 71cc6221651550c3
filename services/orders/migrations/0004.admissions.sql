-- The admission of a sale's waiting room that an attempt was begun with (null: none was needed). One admission makes one
-- order: it stands in one attempt at most that has not failed.
alter table attempts add column admission text;
create unique index attempts_admission on attempts (admission) where admission is not null and state <> 'failed';
