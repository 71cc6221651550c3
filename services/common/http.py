"""Calling another service: through the gateway's internal listener, with a bound on every wait, retries only where
they are safe.

    Peers.call ─► deadline ─► breaker ─► bulkhead ─► attempt ─┬─► answer
                  (deadline.py)  (protection.py)       ▲      └─ failed: pause, if safe and within the budget
                                                       └────────────┘

What a caller gets instead of status codes is the error tree of `errors.py`: 4xx become the error of the same meaning,
a refused connection and 503 are `Unavailable`, everything that may have reached the service is `TimedOut`. A peer may
send a call on to another (307, as orders does to the lane of a sale's item): then that one is asked, once.
"""

import json
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from services.common import deadline, rate_limit, shedding
from services.common.deadline import Deadline
from services.common.errors import (
    Conflict,
    Declined,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    ShopError,
    TimedOut,
    TooOften,
    Unavailable,
)
from services.common.protection import REFUSED, Knob, Protection, preset
from services.common.retry_budget import pause_s
from services.common.settings import PeerSettings
from services.common.telemetry import request_id

REFUSALS: Mapping[int, type[ShopError]] = {
    402: Declined,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooOften,
    503: Unavailable,
}
NOT_EXTRA = ("type", "title", "status", "detail", "instance")
"""Members of every problem document."""
WORTH_TRYING_S = 0.05
"""A retry with less time than this would only be one more request."""
PIECE = 65_536


class SentOn(Invalid):
    """This is answered at another `path` of the shop; here nothing has happened."""

    def __init__(self, path: str) -> None:
        super().__init__(f"sent on to {path}")
        self.path = path


class Peers:
    """The other services, each behind a protection of its own. Safe to share among threads.

    `safe` calls (GET, and whatever is idempotent by key) are retried within the budget, others only when the request
    surely never left. `knob` tells how the service's switches are at the moment (`protection.KNOBS`), `at_once` how
    many calls to a peer there may be where that is not the usual number.
    """

    def __init__(
        self, settings: PeerSettings, knob: Knob = preset, at_once: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._base = f"http://{settings.peers}"
        self._settings, self._knob, self._at_once = settings, knob, at_once
        self._protections: dict[str, Protection] = {}
        self._lock = threading.Lock()
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
        more: Mapping[str, str] = MappingProxyType({}),
        compartment: str = "",
    ) -> Any:
        """Call a peer; the whole call, retries included, ends after `total_s` seconds, or earlier with the time that
        our own caller gave us. Raises ShopError: Refused when nobody was asked.

        A safe call does not give all its time to one attempt, or a frozen replica would have it all: after
        `peer_attempt_s` another replica is asked. Who gives it more than the usual `total_s` expects a slow answer.

        `cookie` and `key` go along as the headers Cookie and Idempotency-Key, `more` under their own names.
        `compartment` names a protection that such calls have for themselves: when they fail, the peer's others go on.
        """
        settings, protection = self._settings, self.protection(path, compartment)
        asked_s = total_s or settings.peer_total_s
        bound_s = min(asked_s, deadline.left_s()) if self._knob("deadlines") else asked_s
        if bound_s <= 0:
            REFUSED.labels(protection.peer, "deadline").inc()
            raise Refused(f"{path}: no time is left to ask", by="deadline")
        attempt_s = settings.peer_attempt_s if safe and asked_s <= settings.peer_total_s else asked_s
        headers = {**_headers(body is not None, cookie, key), **more}
        end, patient = Deadline(bound_s), bound_s >= max(settings.peer_attempt_s, attempt_s / 2)

        def ask(path: str, protection: Protection) -> Any:
            once = lambda: self._once(method, path, body, min(attempt_s, max(0.01, end.left_s)), headers)  # noqa: E731
            return protection.call(lambda: self._attempts(once, safe, end, protection), end.left_s, patient)

        try:
            return ask(path, protection)
        except SentOn as sent:
            return ask(sent.path, self.protection(sent.path))

    def protection(self, path: str, compartment: str = "") -> Protection:
        """What stands before the peer that answers this path, `/api/<peer>/...` or `/internal/<peer>/...`, or before a
        compartment of its own.
        """
        peer = compartment or path.partition("?")[0].split("/", 3)[1:3][-1]
        if peer not in self._protections:
            with self._lock:
                if peer not in self._protections:
                    at_once = self._at_once.get(peer, self._settings.peer_at_once)
                    self._protections[peer] = Protection(peer, self._settings, self._knob, at_once)
        return self._protections[peer]

    def _attempts(self, once: Any, safe: bool, end: Deadline, protection: Protection) -> Any:
        """Try, and try again where that may help. Once an attempt may have happened, the call may have happened: a
        retry that finds the door closed, or is sent on, does not turn TimedOut into anything else.
        """
        protection.budget.earn()
        doubt, retry = False, 0
        while True:
            try:
                return once()
            except (Unavailable, TimedOut, SentOn) as error:
                doubt = doubt or isinstance(error, TimedOut)
                pause = pause_s(retry, self._knob("retry_jitter"))
                may = retry < self._knob("retries") and _harmless(safe, error)
                if not (may and end.left_s - pause > WORTH_TRYING_S and protection.may_retry()):
                    if doubt and not isinstance(error, TimedOut):
                        raise TimedOut(f"{error.detail}; an earlier attempt may have happened") from error
                    raise
            retry += 1
            time.sleep(pause)

    def _once(self, method: str, path: str, body: Any, left_s: float, headers: dict[str, str]) -> Any:
        """One attempt. `left_s` bounds it as a whole: however slowly an answer drips, it is not waited for longer."""
        if self._knob("deadlines"):
            headers[deadline.HEADER] = str(int(left_s * 1000))
        end = Deadline(left_s)
        connect_s = min(self._settings.peer_connect_s, left_s)
        try:
            answer = self._pool.request(
                method,
                self._base + path,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=connect_s, read=left_s),
                preload_content=False,
            )
            return _document(path, answer, _read(answer, end))
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise Unavailable(f"{path}: cannot connect", unsent=True) from error
        except (HTTPError, OSError) as error:
            raise TimedOut(f"{path}: {type(error).__name__}") from error


def _headers(with_body: bool, cookie: str, key: str) -> dict[str, str]:
    headers = {"X-Request-Id": request_id.get(), "Accept": "application/json"}
    if tier := shedding.current.get():
        headers[shedding.HEADER] = tier.value
    if visitor := rate_limit.visitor.get():
        headers[rate_limit.HEADER] = visitor
    if cookie:
        headers["Cookie"] = cookie
    if key:
        headers["Idempotency-Key"] = key
    if with_body:
        headers["Content-Type"] = "application/json"
    return headers


def _harmless(safe: bool, error: ShopError) -> bool:
    """May the call be made again? Not when it was refused on purpose or sent on: it would be again."""
    return not isinstance(error, Refused | SentOn) and (safe or bool(error.extra.get("unsent")))


def _read(answer: urllib3.BaseHTTPResponse, end: Deadline) -> bytes:
    """The whole body. A connection's own timeout bounds each silence, this bounds their sum. Raises TimeoutError."""
    pieces = list[bytes]()
    while (left_s := end.left_s) > 0:
        if sock := getattr(answer.connection, "sock", None):  # none: all is here, or the connection ends with it
            sock.settimeout(left_s)
        piece = answer.read1(PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    answer.close()
    raise TimeoutError


def _document(path: str, answer: urllib3.BaseHTTPResponse, body: bytes) -> Any:
    status, sent_to = answer.status, answer.headers.get("Location", "")
    if status < 300:
        return json.loads(body) if body else None
    if status == 307 and sent_to.startswith("/"):
        raise SentOn(sent_to)
    try:
        details = json.loads(body)
    except ValueError:
        details = {}
    detail = details.get("detail") or f"{path} answered {status}"
    extra = {name: value for name, value in details.items() if name not in NOT_EXTRA}
    if status == 503 and extra.get("refused"):
        raise Refused(detail, **extra)
    raise REFUSALS.get(status, TimedOut if status >= 500 else Invalid)(detail, **extra)
