-- Whether the lane of a sale's item sold it: its parcels wait elsewhere, and say nothing of how long all others take.
alter table orders add column lane boolean not null default false;
alter table outbox add column lane boolean not null default false;
drop index orders_waiting, orders_shipped;
create index orders_waiting on orders (lane, placed_at) where status = 'confirmed';
create index orders_shipped on orders (lane, shipped_at);
