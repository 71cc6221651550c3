"""What a shopper in line carries: a ticket (a place in line) and an admission (may buy now). Plain text, signed.

    ticket.pot-020~1795764000.17.9f2c6a01d4e8b377.0.MAC
    admission.pot-020~1795764000.17.9f2c6a01d4e8b377.1795764150.MAC

Anybody can read one; nobody without the secret can make one, change a character of it, or use one as the other: the
last part is an HMAC-SHA256 of all before it (RFC 2104).
"""

import hashlib
import hmac
from typing import Literal, NamedTuple

Kind = Literal["ticket", "admission"]
ADMISSION_HEADER = "X-Admission"


class Forged(Exception):
    """This paper is not ours, or it is of another kind."""


class Paper(NamedTuple):
    """`number`: the place in the line of that sale. `holder`: random, the same on a ticket and on its admission.
    `until_s`: seconds since 1970; 0 for as long as the sale lasts.
    """

    kind: Kind
    sale: str
    number: int
    holder: str
    until_s: int = 0


class Papers:
    """Writes papers and reads them; all who share the secret read each other's."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def write(self, paper: Paper) -> str:
        """The paper as text, fit for a cookie or a header."""
        said = ".".join(map(str, paper))
        return f"{said}.{self._mac(said)}"

    def read(self, kind: Kind, text: str) -> Paper:
        """A paper that somebody shows. Raises Forged."""
        said, _, mac = text.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(said).encode()) or not said.startswith(f"{kind}."):
            raise Forged
        _, sale, number, holder, until_s = said.split(".")
        return Paper(kind, sale, int(number), holder, int(until_s))

    def _mac(self, said: str) -> str:
        return hmac.new(self._secret, said.encode(), hashlib.sha256).hexdigest()


def sku_of(sale: str) -> str:
    """A sale is called by its item and the second it began in: `pot-020~1795764000`."""
    return sale.partition("~")[0]
