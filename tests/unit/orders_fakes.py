"""A shop in memory, in which every step of the order path can be made to fail, to be overtaken or to be the last."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from services.common.deadline import Deadline
from services.common.errors import Conflict, Declined, Invalid, NotFound, ShopError, TimedOut, Unavailable
from services.common.papers import Papers
from services.orders.attempts import Attempt, PricedLine
from services.orders.checkout import Checkout, Wanted
from services.orders.door import Door, used
from services.orders.ids import ids
from services.orders.intake import WarehouseFull
from services.orders.orders import Head, Order
from services.orders.reconciler import Reconciler
from services.orders.rounds import Bounds, Rounds

PATH = ["find", "price", "open", "resume", "reserve", "charge", "commit", "place"]
"""The steps of a checkout in which all goes well."""


REMEMBERED = 40
"""Steps that a lost primary may take with it."""


class Crash(BaseException):
    """The process ends here; nobody cleans up."""


@dataclass
class Script:
    """What happens at which step. Steps are counted from 0, over all collaborators, in the order they are called.
    `past` is what the `tables` were like before each of the last steps.
    """

    before: dict[int, Callable[[], object]] = field(default_factory=dict)
    after: dict[int, Callable[[], object]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    tables: Sequence[dict[str, Any]] = ()
    past: deque[list[dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        number = len(self.steps)
        self.steps.append(name)
        self.past.append([dict(table) for table in self.tables])
        self.before.pop(number, lambda: None)()
        result = work()
        self.after.pop(number, lambda: None)()
        return result

    def clear(self) -> None:
        self.before.clear()
        self.after.clear()
        self.steps.clear()


def crash() -> None:
    raise Crash


def time_out() -> None:
    raise TimedOut("no answer")


def refuse() -> None:
    raise Unavailable("no connection")


class FakeAttempts:
    def __init__(self, script: Script) -> None:
        self.rows: dict[str, Attempt] = {}
        self._script = script

    def find(self, key: str) -> Attempt | None:
        return self._script.step("find", lambda: self.rows.get(key))

    def open(self, key: str, fingerprint: str, lines: Sequence[PricedLine], admission: str | None = None) -> Attempt:
        def work() -> Attempt:
            if key in self.rows:
                return self.rows[key]
            body = {"lines": [vars(line) for line in lines]}
            return self._write(Attempt(key, fingerprint, 1, "pending", "", body, admission))

        return self._script.step("open", work)

    def resume(self, attempt: Attempt) -> None:
        self._script.step("resume", lambda: self.decide(attempt, "pending", "pending"))

    def fail(self, attempt: Attempt, failure: str) -> bool:
        return self._script.step("fail", lambda: self.decide(attempt, "pending", "failed", failure))

    def give_up(self, attempt: Attempt, failure: str) -> bool:
        return self._script.step("give_up", lambda: self.decide(attempt, "pending", "failing", failure))

    def close(self, attempt: Attempt) -> bool:
        return self._script.step("close", lambda: self.decide(attempt, "failing", "failed"))

    def next_round(self, attempt: Attempt, admission: str | None) -> Attempt:
        def work() -> Attempt:
            now = self.rows.get(attempt.key)
            if now is None:
                raise Unavailable("lost")
            if now.round != attempt.round or now.state != "failed":
                return now
            return self._write(replace(now, round=now.round + 1, state="pending", failure="", admission=admission))

        return self._script.step("next_round", work)

    def unsettled(self, older_than_s: float, limit: int) -> list[Attempt]:
        return [row for row in self.rows.values() if row.state in ("pending", "failing")][:limit]

    def decide(self, attempt: Attempt, before: str, after: str, failure: str | None = None) -> bool:
        now = self.rows.get(attempt.key)
        if now is None or (now.round < attempt.round and now.state == "failed"):  # lost with its primary
            now = replace(attempt, state=before)
        if now.round != attempt.round or now.state != before:
            return False
        failure = now.failure if failure is None else failure
        admission = attempt.admission if after in ("pending", "done") else None
        self._write(replace(now, state=after, failure=failure, admission=admission))
        return True

    def _write(self, attempt: Attempt) -> Attempt:
        others = [row for row in self.rows.values() if row.key != attempt.key and row.state != "failed"]
        if attempt.admission and attempt.admission in [row.admission for row in others]:
            raise used(attempt.admission)
        self.rows[attempt.key] = attempt
        return attempt


class FakeOrders:
    def __init__(self, script: Script, attempts: FakeAttempts) -> None:
        self.by_key: dict[str, Order] = {}
        self.charge_keys: dict[str, str] = {}
        self.announced: dict[str, str] = {}
        """What the relay has told of the orders under each key; no failover takes it back."""
        self._script, self._attempts = script, attempts

    def place(self, attempt: Attempt, order_id: str, promise_s: float | None) -> Order | None:
        def work() -> Order | None:
            if not self._attempts.decide(attempt, "pending", "done"):
                return None
            assert attempt.key not in self.by_key
            assert self.announced.setdefault(attempt.key, order_id) == order_id
            head = Head(order_id, "confirmed", attempt.total_cents, datetime.now(UTC))
            self.by_key[attempt.key] = Order(head, attempt.lines)
            self.charge_keys[attempt.key] = attempt.charge_key
            return self.by_key[attempt.key]

        return self._script.step("place", work)

    def find(self, order_id: str) -> Order:
        found = [order for order in self.by_key.values() if order.head.order_id == order_id]
        if not found:
            raise NotFound("there is no such order")
        return found[0]

    def of_key(self, key: str) -> Order:
        def work() -> Order:
            if key not in self.by_key:
                raise NotFound("there is no such order")
            return self.by_key[key]

        return self._script.step("of_key", work)


class FakeCatalog:
    def __init__(self, script: Script) -> None:
        self.prices = {"tea-001": 500, "cup-001": 900}
        self._script = script

    def price(self, sku: str, quantity: int, total_s: float) -> PricedLine:
        if sku not in self.prices:
            raise Invalid("no such product")
        return self._script.step("price", lambda: PricedLine(sku, sku.title(), quantity, self.prices[sku]))


class FakeInventory:
    def __init__(self, script: Script, stock: dict[str, int]) -> None:
        self.available, self.reserved, self.sold = dict(stock), dict.fromkeys(stock, 0), dict.fromkeys(stock, 0)
        self.states: dict[str, str] = {}
        self.lines: dict[str, list[tuple[str, int]]] = {}
        self.empty = False
        """Whether everything looks sold out at the moment."""
        self._script = script

    def reserve(self, key: str, lines: Sequence[PricedLine], total_s: float) -> None:
        def work() -> None:
            state = self.states.get(key)
            if state in ("held", "committed"):
                return
            if state in ("released", "refused"):
                raise Conflict("over", state=state)
            short = [line.sku for line in lines if self.empty or self.available[line.sku] < line.quantity]
            if short:
                self.states[key] = state or "refused"
                raise Conflict("out of stock", state=self.states[key], sku=short[0])
            self.lines[key] = [(line.sku, line.quantity) for line in lines]
            self._move(key, self.available, self.reserved, "held")

        self._script.step("reserve", work)

    def commit(self, key: str, total_s: float) -> None:
        def work() -> None:
            if key not in self.states:
                raise NotFound("no reservation")
            if self.states[key] not in ("held", "committed"):
                raise Conflict("not held", state=self.states[key])
            if self.states[key] == "held":
                self._move(key, self.reserved, self.sold, "committed")

        self._script.step("commit", work)

    def release(self, key: str, total_s: float) -> None:
        def work() -> None:
            source = {"held": self.reserved, "committed": self.sold}.get(self.states.get(key, ""))
            if source is not None:
                self._move(key, source, self.available, "released")
            elif self.states.get(key) != "refused":
                self.states[key] = "released"

        self._script.step("release", work)

    def lose(self) -> None:
        """A primary is lost, and what was held with it."""
        self.expire()
        self.states = {key: state for key, state in self.states.items() if state != "expired"}

    def expire(self) -> None:
        for key, state in self.states.items():
            if state == "held":
                self._move(key, self.reserved, self.available, "expired")

    def _move(self, key: str, source: dict[str, int], target: dict[str, int], state: str) -> None:
        for sku, quantity in self.lines[key]:
            source[sku] -= quantity
            target[sku] += quantity
        self.states[key] = state


class FakePayments:
    def __init__(self, script: Script) -> None:
        self.states: dict[str, str] = {}
        self.amounts: dict[str, int] = {}
        self._script = script

    def charge(self, key: str, amount_cents: int, token: str, total_s: float) -> None:
        def work() -> None:
            state = self.states.setdefault(key, "charged" if token == "tok_ok" else "declined")
            if state == "declined":
                raise Declined("declined")
            if state != "charged":
                raise Conflict("voided", state=state)
            assert self.amounts.setdefault(key, amount_cents) == amount_cents

        self._script.step("charge", work)

    def state(self, key: str, total_s: float) -> str:
        return self._script.step("state", lambda: self.states.get(key, "none"))

    def refund(self, key: str, total_s: float) -> None:
        def work() -> None:
            state = self.states.get(key, "none")
            self.states[key] = {"charged": "refunded", "none": "voided"}.get(state, state)

        self._script.step("refund", work)


class FakeIntake:
    """Open, unless it is `full`."""

    full = False

    def admit(self) -> None:
        if self.full:
            raise WarehouseFull("full", retry_after_s=7)


class FakeHandover:
    """Leaves the rest to the queue."""

    def finish(self, order: Order, deadline: Deadline) -> Order:
        return order


class World:
    """Everything together, and the invariants of the shop."""

    def __init__(self, **stock: int) -> None:
        pieces = {sku.replace("_", "-"): n for sku, n in stock.items()} or {"tea-001": 10, "cup-001": 10}
        self.script = Script()
        self.stock = pieces
        self.attempts = FakeAttempts(self.script)
        self.orders = FakeOrders(self.script, self.attempts)
        self.catalog = FakeCatalog(self.script)
        self.inventory = FakeInventory(self.script, pieces)
        self.payments = FakePayments(self.script)
        self.now = 0.0
        stock = self.inventory
        self.script.tables = (
            self.attempts.rows, self.orders.by_key, self.orders.charge_keys, self.payments.states,
            self.payments.amounts, stock.available, stock.reserved, stock.sold, stock.states, stock.lines,
        )  # fmt: skip
        self.rounds = rounds = Rounds(
            self.attempts, self.orders, self.inventory, self.payments, Bounds(), ids("a secret")
        )
        self.intake = FakeIntake()
        self.sale = ""
        door = Door(Papers("a secret"), lambda: self.sale, lambda: self.now)
        self.checkout = Checkout(
            self.attempts, self.orders, self.catalog, rounds, door, self.intake, FakeHandover(), 3.6, 1.5,
            lambda: self.now,
        )  # fmt: skip
        self.reconciler = Reconciler(self.attempts, rounds, self.payments, after_s=10, total_s=3.6, peer_s=1.5)
        self.shown: list[tuple[str, str]] = []

    def buy(
        self, key: str = "k", quantity: int = 2, token: str = "tok_ok", sku: str = "tea-001", admission: str = ""
    ) -> tuple[Order, bool]:
        """A request; what it is answered with counts as shown to the shopper."""
        order, new = self.checkout.check_out(key, Wanted([(sku, quantity)], token, admission))
        self.shown.append((key, order.head.order_id))
        return order, new

    def try_to_buy(self, **wish: Any) -> None:
        """A request whose failure, whatever it is, is its client's business."""
        with suppress(ShopError, Crash):
            self.buy(**wish)

    def reconcile(self) -> None:
        """The reconciler comes by, and may crash like everybody."""
        with suppress(Crash):
            self.reconciler.reconcile()

    def lose(self, steps: int) -> None:
        """The primary is lost, and with it what was written in the last steps, in all tables alike."""
        past = list(self.script.past)[-steps:] or [list(self.script.tables)]
        for table, before in zip(self.script.tables, past[0], strict=True):
            kept = dict(before)
            table.clear()
            table.update(kept)
        self.shown = [(key, order_id) for key, order_id in self.shown if key in self.orders.by_key]

    def settle(self) -> None:
        """All trouble is over and everybody has had time."""
        self.script.clear()
        self.reconciler.reconcile()
        self.inventory.expire()
        assert self.attempts.unsettled(0, 100) == []

    def check(self) -> None:
        """What must always be true once everything has settled."""
        sold = dict.fromkeys(self.stock, 0)
        for key, order in self.orders.by_key.items():
            assert self.attempts.rows[key].state == "done"
            charge_key = self.orders.charge_keys[key]
            assert self.payments.states[charge_key] == "charged"
            assert self.payments.amounts[charge_key] == order.head.total_cents
            assert self.inventory.states[charge_key] == "committed"
            for line in order.lines:
                sold[line.sku] += line.quantity
        assert self.inventory.sold == sold
        assert set(self.inventory.reserved.values()) == {0}
        assert all(self.inventory.available[sku] + sold[sku] == n for sku, n in self.stock.items())
        assert min(self.inventory.available.values()) >= 0
        charged = {key for key, state in self.payments.states.items() if state == "charged"}
        assert charged == set(self.orders.charge_keys.values())
        assert all(self.orders.by_key[key].head.order_id == order_id for key, order_id in self.shown)
