-- Sales of one item, written by who runs the shop; the newest one that has not ended is on. `taken`: how many numbers were
-- given out. Admitted is everybody up to base + rate * (now - since), times in seconds since 1970 (see line.py).
create table sales (
    sale_id text primary key,
    sku text not null,
    name text not null,
    stock integer not null check (stock > 0),
    rate double precision not null check (rate >= 0),
    base double precision not null default 0,
    since double precision not null,
    taken integer not null default 0,
    ended_at timestamptz
);
create unique index one_at_a_time on sales ((true)) where ended_at is null;
