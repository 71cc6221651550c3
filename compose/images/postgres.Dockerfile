# Postgres as Debian ships it; the start script makes the cluster, so the package must not.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-common \
    && echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=postgres --group=postgres --mode=700 /data /archive
WORKDIR /shop
COPY compose/images/postgres compose/images/postgres
USER postgres
