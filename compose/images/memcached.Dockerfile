# Memcached as Debian ships it.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends memcached \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /shop
COPY compose/images/memcached compose/images/memcached
USER memcache
