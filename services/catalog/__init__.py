"""What the shop sells: products, search, pictures. Reads only; Memcached first, then Postgres."""
