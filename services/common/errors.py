"""What can go wrong, named by what the caller may do next.

ShopError
├── Invalid       422  the request itself is wrong: change it
├── Forbidden     403  this needs a permission that is not there: get it first
├── NotFound      404  there is no such thing
├── Conflict      409  it contradicts what is there (out of stock, cancelled): decide anew
├── Declined      402  the payment was refused: pay in another way
├── Unavailable   503  surely did not happen: a retry is safe
│   └── Refused        on purpose, and before any work: a retry at once would be refused as well
│       └── TooOften   429  who asks has asked too often: slow down
└── TimedOut      504  may have happened: retry only what is idempotent

Every one becomes one `application/problem+json` answer (RFC 9457), in one place: `web.py`.
"""

from typing import Any, ClassVar


class ShopError(Exception):
    """Base of all; `extra` adds members to the problem document. An HTTP 500: we did not foresee it."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "unexpected"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Invalid(ShopError):
    """The request itself is wrong: change it."""

    status = 422
    kind = "invalid"


class Forbidden(ShopError):
    """This needs a permission that is not there: get it first."""

    status = 403
    kind = "forbidden"


class NotFound(ShopError):
    """There is no such thing."""

    status = 404
    kind = "not-found"


class Conflict(ShopError):
    """It contradicts what is there: decide anew."""

    status = 409
    kind = "conflict"


class Declined(ShopError):
    """The payment was refused: pay in another way."""

    status = 402
    kind = "declined"


class Unavailable(ShopError):
    """Surely did not happen: a retry is safe."""

    status = 503
    kind = "unavailable"


class Refused(Unavailable):
    """Not even tried, on purpose: a circuit is open, all places are taken, no time is left, there is too much to do.

    Whoever meets it neither repeats the call nor counts it as an outage. `by` says what refused, if it is said.
    """

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail, refused=True, **{name: value for name, value in extra.items() if name != "refused"})


class TooOften(Refused):
    """Who asks has asked too often: the same again after `retry_after_s` seconds."""

    status = 429
    kind = "too-many-requests"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail, **{"by": "rate_limit", **extra})


class TimedOut(ShopError):
    """May have happened: retry only what is idempotent."""

    status = 504
    kind = "timed-out"
