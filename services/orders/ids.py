"""What an order is called: the same, whoever places it and however often.

A primary that is lost can take an order with it that its buyer was shown and the relay has announced. If it is placed
once more, by the reconciler or a second try, it must not be another: it would be packed twice, and its page be gone.
"""

import hashlib
import hmac
from collections.abc import Callable


def ids(secret: str) -> Callable[[str], str]:
    """Makes of a client's key the id of its order: 32 hex digits, an HMAC-SHA256 (RFC 2104).

    Who knows an id may look at the order, so nobody without the secret can tell one. What else is signed with the same
    secret never begins with `order.`.
    """
    return lambda key: hmac.new(secret.encode(), f"order.{key}".encode(), hashlib.sha256).hexdigest()[:32]
