-- When an order left, and for when its parcel was promised (null: at once). How fast the warehouse is can be told from
-- the first, and whether promises are kept from both.
alter table orders add column shipped_at timestamptz, add column promised_for timestamptz;
create index orders_waiting on orders (placed_at) where status = 'confirmed';
create index orders_shipped on orders (shipped_at);
