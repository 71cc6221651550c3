-- One row per key. `voided`: refunded before it was charged; the charge that comes late finds the row and is refused.
create table charges (
    key text primary key,
    state text not null check (state in ('charged', 'declined', 'refunded', 'voided')),
    amount_cents bigint check (amount_cents > 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (amount_cents is not null or state = 'voided')
);

-- How the simulated provider behaves: one row or none (then it is fast and always right).
create table provider (
    singleton boolean primary key default true check (singleton),
    latency_ms integer not null,
    error_rate double precision not null,
    decline_rate double precision not null
);
