# RabbitMQ as Debian ships it, without its service wrapper: the start script runs the broker itself.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=rabbitmq --group=rabbitmq --mode=700 /data
WORKDIR /shop
COPY compose/images/rabbitmq compose/images/rabbitmq
USER rabbitmq
