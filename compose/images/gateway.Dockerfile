# Nginx, and the Python that renders its configuration.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates nginx python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY compose/images/requirements.txt /tmp/requirements.txt
RUN grep -iE '^(nginx-config-builder|six|pyyaml)==' /tmp/requirements.txt > /tmp/gateway.txt \
    && python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --requirement /tmp/gateway.txt \
    && useradd --system --uid 10001 shop
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /shop
COPY nginx nginx
COPY compose compose
COPY services/__init__.py services/
COPY services/common/__init__.py services/common/lifetime.py services/common/
RUN python3 -m compileall -q compose
USER shop
