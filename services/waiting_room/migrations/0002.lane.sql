-- Whether the sale has opened a lane for its item, which is closed with it.
alter table sales add column lane boolean not null default false;
