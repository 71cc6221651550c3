"""Buyers who watch: what the shop's pages told each of them about one order, from the first click to the end.

asked       the form was sent
not bought  "nothing was charged, press again"; they do
not known   "we do not know yet, press again"; they do, with the same key
placed      the order's page says that it is placed
shipped     ... and on its way: the end
declined, sold out    an honest no: the end
cancelled, gone       a promise taken back, if it was placed before: the end
"""

import http.client
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

STEPS = ("asked", "not bought", "not known", "placed", "shipped")
TAKEN_BACK = ("cancelled", "gone")
ENDS = ("shipped", "declined", "sold out", *TAKEN_BACK)
HEADINGS = {
    "Not bought yet": "not bought",
    "We do not know yet": "not known",
    "Your order is placed": "placed",
    "Order cancelled": "cancelled",
    "Your card was declined": "declined",
    "We do not have that": "gone",
    "Somebody was faster": "sold out",
}
SHIPPED = '<li class="done" aria-current="step"><b>Shipped</b>'
LOOK_S, PRESS_S, PATIENCE_S = 0.25, 0.7, 40.0
ANSWER_S = 6.0


@dataclass
class Witness:
    """One buyer of one piece of `sku`. `seen`: each state when it was first shown, with the seconds since 1970; a page
    that could not be shown counts in `unseen` and changes nothing.
    """

    url: str
    sku: str
    key: str = field(default_factory=lambda: uuid4().hex)
    seen: list[tuple[float, str]] = field(default_factory=list)
    unseen: int = 0

    def buy(self) -> None:
        """Press until there is an answer, then watch the order's page until there is nothing more to come."""
        deadline = time.monotonic() + PATIENCE_S
        self._note("asked")
        page = self._press()
        while self.state not in ENDS and time.monotonic() < deadline:
            if page:
                self._look(page)
                time.sleep(LOOK_S)
            else:
                time.sleep(PRESS_S)
                page = self._press()

    @property
    def state(self) -> str:
        """The last one."""
        return self.seen[-1][1]

    @property
    def history(self) -> tuple[str, ...]:
        """All states in their order."""
        return tuple(state for _, state in self.seen)

    @property
    def doubted(self) -> bool:
        """Was there a page that asked to press again?"""
        return "not bought" in self.history or "not known" in self.history

    @property
    def taken_back(self) -> bool:
        """Was the order shown as placed, and anything less after that?"""
        rest = self.history[self.history.index("placed") :] if "placed" in self.history else ()
        return any(state not in ("placed", "shipped") for state in rest) or rest[-2:] == ("shipped", "placed")

    @property
    def first_told_s(self) -> float:
        """Seconds until the page said anything."""
        return self.seen[1][0] - self.seen[0][0] if len(self.seen) > 1 else PATIENCE_S

    def until_s(self, state: str) -> float:
        """Seconds from the first click until this was shown, or what comes after it; long when it never was."""
        reached = [at for at, each in self.seen if each in STEPS and STEPS.index(each) >= STEPS.index(state)]
        return reached[0] - self.seen[0][0] if reached else PATIENCE_S

    def curve(self) -> list[tuple[float, float]]:
        """How far the page was, as a stair: seconds since it was asked, and the place of its state among `STEPS`; what
        was taken back is back at the beginning.
        """
        began, points = self.seen[0][0], list[tuple[float, float]]()
        for at, state in self.seen:
            level = float(STEPS.index(state)) if state in STEPS else 0.0
            points += [(at - began, points[-1][1])] if points else []
            points.append((at - began, level))
        return points

    def _press(self) -> str:
        """Send the form; the path of the order's page, if it leads there."""
        doubt = [("doubt", "1")] if "not known" in self.history else []
        form = [("key", self.key), ("token", "tok_ok"), ("item", f"{self.sku}:1"), *doubt]
        status, body, location = self._ask("POST", "/checkout", urlencode(form))
        if location:
            return location
        self._note(heading(body) if status in (200, 402, 409, 503, 504) and heading(body) else "not known")
        return ""

    def _look(self, page: str) -> None:
        _, body, _ = self._ask("GET", page)
        state = heading(body)
        if state in ("placed", "cancelled", "gone"):
            self._note("shipped" if SHIPPED in body else state)
        else:
            self.unseen += 1

    def _note(self, state: str) -> None:
        if not self.seen or state != self.state:
            self.seen.append((time.time(), state))

    def _ask(self, method: str, path: str, form: str = "") -> tuple[int, str, str]:
        """Status (0: no answer), page, where it leads."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=ANSWER_S)
        try:
            connection.request(method, path, form, {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers.get("Location", "")
        except (OSError, http.client.HTTPException):
            return 0, "", ""
        finally:
            connection.close()


def heading(page: str) -> str:
    """The state that a page's heading stands for; empty for any other page."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    return HEADINGS.get(found[1].strip(), "") if found else ""


class Crowd:
    """Witnesses that come one after the other, `apart_s` seconds apart, each in a thread of its own."""

    def __init__(self, url: str, sku: str, size: int, apart_s: float) -> None:
        self.witnesses: Sequence[Witness] = [Witness(url, sku) for _ in range(size)]
        self._apart_s = apart_s
        self._threads = [threading.Thread(target=witness.buy, daemon=True) for witness in self.witnesses]

    def come(self) -> None:
        """Returns when the last one has asked."""
        for thread in self._threads:
            thread.start()
            time.sleep(self._apart_s)

    def ended(self) -> bool:
        """Has everybody seen the end of it, or lost patience?"""
        return not any(thread.is_alive() for thread in self._threads)
