-- What left the warehouse, a row for each parcel. `shipments` says that an order is done; this says how often it was.
create table parcels (
    parcel_id bigserial primary key,
    order_id text not null,
    items jsonb not null,
    packed_at timestamptz not null default now(),
    called_back_at timestamptz
);
create index parcels_of_order on parcels (order_id);
insert into parcels (order_id, items, packed_at) select order_id, items, packed_at from shipments;
