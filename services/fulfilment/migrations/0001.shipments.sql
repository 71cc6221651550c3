-- One parcel per order, however often the event is delivered.
create table shipments (
    order_id text primary key,
    items jsonb not null,
    packed_at timestamptz not null default now()
);
