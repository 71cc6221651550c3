"""What a shopper wants to buy: always writable, kept on two Memcached nodes, merged when read."""
