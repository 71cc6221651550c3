-- What a shopper would have been mailed: once per event, however often the event is delivered.
create table messages (
    id bigserial primary key,
    event_id text not null unique,
    order_id text not null,
    kind text not null,
    subject text not null,
    body text not null,
    created_at timestamptz not null default now()
);
create index messages_of_order on messages (order_id, id desc);
