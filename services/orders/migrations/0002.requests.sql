-- The id of the request that made an event: the relay sends it along, so one id leads through every worker's log lines.
alter table outbox add column request_id text not null default '';
