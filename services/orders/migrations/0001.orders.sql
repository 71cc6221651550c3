-- What a client tried under one Idempotency-Key. Written before anything else happens, it alone decides what becomes of a
-- round: `done` and the order exist together or not at all, and a round that was given up (`failing`) can never be done.
create table attempts (
    key text primary key,
    fingerprint text not null,
    round integer not null default 1,
    state text not null default 'pending' check (state in ('pending', 'done', 'failing', 'failed')),
    failure text not null default '',
    body jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index attempts_unsettled on attempts (updated_at) where state in ('pending', 'failing');

create table orders (
    order_id text primary key,
    key text not null unique references attempts,
    charge_key text not null unique,
    status text not null check (status in ('confirmed', 'shipped', 'cancelled')),
    total_cents bigint not null,
    placed_at timestamptz not null default now()
);

create table lines (
    order_id text not null references orders,
    sku text not null,
    name text not null,
    quantity integer not null check (quantity > 0),
    price_cents bigint not null,
    primary key (order_id, sku)
);

-- Events that the relay publishes: written in the transaction that makes them true.
create table outbox (
    id bigserial primary key,
    event_id text not null unique,
    event text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    sent_at timestamptz
);
create index outbox_unsent on outbox (id) where sent_at is null;
