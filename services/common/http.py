"""Calling another service: through the gateway's internal listener, with a bound on every wait, retries only where
they are safe.

What a caller gets instead of status codes is the error tree of `errors.py`: 4xx become the error of the same meaning,
a refused connection and
503 are `Unavailable`, everything that may have reached the service is `TimedOut`.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import stamina
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from services.common.errors import Conflict, Declined, Invalid, NotFound, ShopError, TimedOut, Unavailable
from services.common.resilience import RetryBudget
from services.common.settings import PeerSettings
from services.common.telemetry import request_id

REFUSALS: Mapping[int, type[ShopError]] = {
    402: Declined,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: Unavailable,
    503: Unavailable,
}


class Peers:
    """The other services. `safe` calls (GET, and whatever is idempotent by key) are retried within the budget, others
    never.
    """

    def __init__(self, settings: PeerSettings) -> None:
        self._base = f"http://{settings.peers}"
        self._settings = settings
        self._budget = RetryBudget(settings.retry_budget)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=32, retries=False)

    def get(self, path: str, *, total_s: float | None = None, cookie: str = "") -> Any:
        """GET a JSON document. Raises ShopError."""
        return self.call("GET", path, safe=True, total_s=total_s, cookie=cookie)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        safe: bool = False,
        total_s: float | None = None,
        cookie: str = "",
        key: str = "",
    ) -> Any:
        """Call a peer; the whole call, retries included, ends after `total_s` seconds. Raises ShopError.

        A safe call does not give all its time to one attempt, or a frozen replica would have it all: after
        `peer_attempt_s` another replica is asked. Who gives it more than the usual `total_s` expects a slow answer.

        `cookie` and `key` go along as the headers Cookie and Idempotency-Key. Once an attempt may have happened, the
        call may have happened: a retry that finds the door closed does not turn TimedOut into Unavailable.
        """
        total_s = total_s or self._settings.peer_total_s
        impatient = safe and total_s <= self._settings.peer_total_s
        deadline, attempt_s = time.monotonic() + total_s, self._settings.peer_attempt_s if impatient else total_s
        self._budget.earn()
        doubt = False
        retryable = lambda error: isinstance(error, Unavailable | TimedOut) and self._may_retry(safe, error, deadline)  # noqa: E731
        for attempt in stamina.retry_context(
            on=retryable,
            attempts=1 + self._settings.peer_retries,
            timeout=None,
            wait_initial=0.02,
            wait_max=0.2,
            wait_jitter=0.1,
        ):
            with attempt:
                try:
                    left_s = min(attempt_s, max(0.01, deadline - time.monotonic()))
                    return self._once(method, path, body, left_s, {"Cookie": cookie, "Idempotency-Key": key})
                except TimedOut:
                    doubt = True
                    raise
                except Unavailable as error:
                    if doubt:
                        raise TimedOut(f"{error.detail}; an earlier attempt may have happened") from error
                    raise
        raise AssertionError("retry_context either returns or raises")

    def _may_retry(self, safe: bool, error: Exception, deadline: float) -> bool:
        harmless = safe or (isinstance(error, Unavailable) and error.extra.get("unsent", False))
        return harmless and time.monotonic() < deadline - 0.05 and self._budget.spend()

    def _once(self, method: str, path: str, body: Any, left_s: float, extra: Mapping[str, str]) -> Any:
        headers = {"X-Request-Id": request_id.get(), "Accept": "application/json"}
        headers.update({name: value for name, value in extra.items() if value})
        if body is not None:
            headers["Content-Type"] = "application/json"
        timeout = urllib3.Timeout(connect=min(self._settings.peer_connect_s, left_s), read=left_s)
        try:
            answer = self._pool.request(
                method,
                self._base + path,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=timeout,
            )
        except (NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise Unavailable(f"{path}: cannot connect", unsent=True) from error
        except (HTTPError, MaxRetryError, OSError) as error:
            raise TimedOut(f"{path}: {type(error).__name__}") from error
        return _document(path, answer)


def _document(path: str, answer: urllib3.BaseHTTPResponse) -> Any:
    if answer.status < 300:
        return json.loads(answer.data) if answer.data else None
    try:
        details = json.loads(answer.data)
    except ValueError:
        details = {}
    detail = details.get("detail") or f"{path} answered {answer.status}"
    extra = {k: v for k, v in details.items() if k not in ("type", "title", "status", "detail", "instance")}
    raise REFUSALS.get(answer.status, TimedOut if answer.status >= 500 else Invalid)(detail, **extra)
