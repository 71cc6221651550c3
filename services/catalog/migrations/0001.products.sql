-- What is sold. Stock is inventory's business; here is only what a shopper reads.
create table products (
    sku text primary key check (sku ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    position bigint generated always as identity, -- the shelf's order: that of loading
    name text not null check (length(name) between 1 and 80),
    description text not null,
    category text not null,
    price_cents integer not null check (price_cents > 0)
);
create unique index products_by_position on products (position);
create index products_by_category on products (category, position);
