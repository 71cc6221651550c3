"""Logs as JSON lines with the request's id, and the metrics every service has. Neither may ever fail a request."""

import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

request_id: ContextVar[str] = ContextVar("request_id", default="-")


@dataclass
class Identity:
    """Who this process is. Known only when a replica starts, so an app that was built before asks while it answers."""

    service: str = "-"
    replica: str = "-"


identity = Identity()

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REQUEST_SECONDS = Histogram("shop_request_seconds", "Time to answer", ["route", "method", "status"], buckets=BUCKETS)
seconds_of = lru_cache(maxsize=1024)(REQUEST_SECONDS.labels)
DEGRADED = Counter("shop_degraded_total", "Times something optional was left out or done the slow way", ["what"])


def _add_request_id(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    event["request_id"] = request_id.get()
    return event


def _add_identity(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {"service": identity.service, "replica": identity.replica, **event}


def forget_requests() -> None:
    """As if nothing had been asked yet."""
    REQUEST_SECONDS.clear()
    seconds_of.cache_clear()


def configure_logs(service: str, replica: str) -> None:
    """This process is `replica` of `service` from now on. Every log line is one JSON object on standard output, also
    those of libraries.
    """
    identity.service, identity.replica = service, replica
    _log_json()


@cache
def _log_json() -> None:
    """Done once, before replicas are forked, it takes 0.5 MB less for each: it changes every logger there is."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _add_identity,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for noisy in ("pika", "psycopg.pool", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING if noisy == "psycopg.pool" else logging.CRITICAL)


def log() -> Any:
    """The logger: `log().info("order_placed", order_id=...)`."""
    return structlog.get_logger()
