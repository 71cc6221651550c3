# Every Flask service, every worker and the migration: one image, many commands.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY compose/images/requirements.txt /tmp/requirements.txt
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --requirement /tmp/requirements.txt \
    && useradd --system --uid 10001 shop \
    # Docker's name server knows that an address is catalog-2's; /etc/hosts, asked first by default, knows a number.
    && echo 'hosts: dns files' > /etc/nsswitch.conf
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /shop
COPY services services
COPY nginx nginx
COPY compose compose
RUN python3 -m compileall -q services compose
USER shop
