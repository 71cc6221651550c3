-- An item's pieces lie in one row, bucket 0, or in several when many want it at once: who takes one then locks one bucket
-- only. Pieces that are available may be moved between buckets at any time; a line remembers whose pieces it holds.
alter table stock
    add column bucket integer not null default 0 check (bucket >= 0),
    drop constraint stock_pkey,
    add primary key (sku, bucket);
alter table reservation_lines add column bucket integer not null default 0;

-- No row goes below zero, except where somebody looks first and takes later, as if alone (the strategy `naive`): such a
-- shop's tables have no guard either.
alter table stock
    add column guarded boolean not null default true,
    drop constraint stock_available_check,
    add constraint stock_available_check check (available >= 0 or not guarded);
