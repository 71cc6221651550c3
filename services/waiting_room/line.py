"""The line: a number for who comes, and where its holder stands. The bakery's tickets.

    taken ─► waiting ─► admitted       number n comes in as soon as n ≤ admitted(now), which grows by `rate` a second
                └─────────┴─► sold_out as soon as the last piece is paid for, whoever waits

Nothing is kept about anybody: the ticket says the number, the sale says the rest. So a reload keeps the place, a
restart of this service too, and who throws the ticket away stands at the end. Whoever is late still comes in.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from services.common.errors import Forbidden, NotFound, ShopError, Unavailable
from services.common.papers import Forged, Paper, Papers
from services.common.telemetry import log
from services.waiting_room.sales import Sale

ASKS_PER_S, LEAST_S, MOST_S = 200, 2.0, 60.0
"""Whoever waits may ask again when it is their turn, and before that so often that the whole line asks at most so many
times a second: news (sold out) should not take longer than they must.
"""


@dataclass(frozen=True)
class Standing:
    """Where somebody stands. `ahead` people come before them, in about `wait_s` seconds it is their turn (None: nobody
    can say). `left`: pieces, None when not known. `ticket` and `admission` are to be kept and shown.
    """

    sku: str
    name: str
    state: Literal["waiting", "admitted", "sold_out"]
    number: int
    ahead: int
    wait_s: float | None
    ask_again_s: float
    left: int | None
    ticket: str
    admission: str = ""


class Sales(Protocol):
    """Where sales are kept; see `sales.Sales`."""

    def on(self) -> Sale | None: ...
    def take(self, sale_id: str, now: float, given: int) -> Sale | None: ...
    def learn(self, sale_id: str, given: int) -> Sale | None: ...


class Stock(Protocol):
    """What is left; see `stock.Stock`."""

    def left(self, sale: Sale) -> int | None: ...
    def gone(self, sale: Sale) -> bool: ...


class Line:
    """The line of the sale that is on. An admission is good for `hold_s` seconds; who comes back gets another one, for
    the same single order.
    """

    def __init__(
        self, sales: Sales, stock: Stock, papers: Papers, hold_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._sales, self._stock, self._papers = sales, stock, papers
        self._hold_s, self._clock = hold_s, clock
        self.sale: Sale | None = None
        self._looked = False
        self._given = Counter[str]()  # by sale: the highest number that was seen, be it on a ticket
        self._seeing = threading.Lock()

    def refresh(self) -> None:
        """Look which sale is on. While the database is away, the one that was goes on. A table that a failover has put
        back behind the tickets learns their numbers.
        """
        try:
            sale = self._sales.on()
            if sale is not None and sale.taken < self._given[sale.sale_id]:
                sale = self._sales.learn(sale.sale_id, self._given[sale.sale_id])
            self._see(sale)
            self._looked = True
        except ShopError as error:
            log().warning("sale_not_seen", error=error.detail)

    def join(self, sku: str, ticket: str) -> tuple[Standing, bool]:
        """Where the ticket's holder stands, at the end of the line when there is no ticket; tells whether a number was
        taken. Raises NotFound (no sale), Forbidden (a forged ticket), Unavailable or TimedOut (no number: come again).
        """
        sale = self._sale(sku)
        held = self._held(sale, ticket)
        if held is not None:
            return self._standing(sale, held), False
        after = self._sales.take(sale.sale_id, self._clock(), self._given[sale.sale_id])
        if after is None:
            raise NotFound(f"the sale of {sku} is over")
        self._see(after)
        return self._standing(after, Paper("ticket", sale.sale_id, after.taken, secrets.token_hex(8))), True

    def look(self, sku: str, ticket: str) -> Standing:
        """Where the ticket's holder stands. Raises NotFound (no sale), Forbidden (no ticket of this sale)."""
        sale = self._sale(sku)
        held = self._held(sale, ticket)
        if held is None:
            raise Forbidden(f"take a ticket first: POST /api/waiting-room/{sku}")
        return self._standing(sale, held)

    def _see(self, sale: Sale | None) -> None:
        """Of two looks at once at a sale the later one counts: more numbers were given out."""
        with self._seeing:
            if sale is None:
                self.sale = None
            elif sale.taken >= self._given[sale.sale_id]:
                self.sale, self._given[sale.sale_id] = sale, sale.taken

    def _sale(self, sku: str) -> Sale:
        sale = self.sale
        if not self._looked:
            raise Unavailable("which sale is on is not known yet")
        if sale is None or sale.sku != sku:
            raise NotFound(f"there is no sale of {sku}")
        return sale

    def _held(self, sale: Sale, ticket: str) -> Paper | None:
        """The ticket, unless there is none or it is of another sale. Raises Forbidden."""
        if not ticket:
            return None
        try:
            paper = self._papers.read("ticket", ticket)
        except Forged:
            raise Forbidden("this ticket is not one of ours: come without it and take a new one") from None
        if paper.sale != sale.sale_id:
            return None
        with self._seeing:
            self._given[paper.sale] = max(paper.number, self._given[paper.sale])
        return paper

    def _standing(self, sale: Sale, held: Paper) -> Standing:
        now, gone = self._clock(), self._stock.gone(sale)
        wait_s = sale.wait_s(held.number, now)
        state: Literal["waiting", "admitted", "sold_out"] = (
            "sold_out" if gone else "admitted" if wait_s == 0 else "waiting"
        )
        return Standing(
            sku=sale.sku,
            name=sale.name,
            state=state,
            number=held.number,
            ahead=max(0, held.number - 1 - int(sale.admitted(now))),
            wait_s=wait_s,
            ask_again_s=_ask_again_s(sale, wait_s),
            left=self._stock.left(sale),
            ticket=self._papers.write(held),
            admission=self._admission(held, now) if state == "admitted" else "",
        )

    def _admission(self, held: Paper, now: float) -> str:
        return self._papers.write(held._replace(kind="admission", until_s=int(now + self._hold_s)))


def _ask_again_s(sale: Sale, wait_s: float | None) -> float:
    pace_s = min(MOST_S, max(LEAST_S, sale.taken / ASKS_PER_S))
    return min(wait_s, pace_s) if wait_s else pace_s
