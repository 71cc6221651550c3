-- Every piece is either available, reserved for somebody who is paying, or sold. The database itself refuses any other sum.
create table stock (
    sku text primary key,
    stock integer not null check (stock >= 0),
    reserved integer not null default 0 check (reserved >= 0),
    sold integer not null default 0 check (sold >= 0),
    available integer not null check (available >= 0),
    check (available + reserved + sold = stock)
);

-- One row per key that ever asked. `refused`: there was not enough, nothing was ever held. `released`: given back, or
-- forbidden before it was asked for; both are final, so that a request that comes late finds the door shut.
create table reservations (
    key text primary key,
    state text not null check (state in ('held', 'committed', 'released', 'expired', 'refused')),
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);
create index reservations_to_expire on reservations (expires_at) where state = 'held';

create table reservation_lines (
    key text not null references reservations,
    sku text not null,
    quantity integer not null check (quantity > 0),
    primary key (key, sku)
);
