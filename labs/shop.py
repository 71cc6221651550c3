"""The shop as a lab sees it: from outside, through a few verbs. The control daemon's client is the real one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Shop(Protocol):
    """A running shop. Every verb is bounded in time, returns when the effect is there, and raises with the reason."""

    @property
    def url(self) -> str:
        """The gateway, for example "http://127.0.0.1:21000"."""

    @property
    def runtime(self) -> str:
        """Either "local" or "containers"; a lab may report it, but must not depend on it."""

    @property
    def name(self) -> str:
        """Which shop this is; several may run on one machine."""

    def status(self) -> Sequence[dict[str, Any]]:
        """One dict per component, with at least `name`, `service`, `state` and `ready`."""

    def scale(self, service: str, n: int, /) -> object:
        """Run `n` replicas and balance over them once all are ready."""

    def lane(self, sku: str, /) -> object:
        """Give a sale's item a lane of its own; an empty one closes the lane."""

    def balance(self, service: str, policy: str, /) -> object:
        """`round_robin`, `least_conn` or `ip_hash` for this service, without dropping a request."""

    def set_fault(self, fault: str, target: str, /, **params: Any) -> object:
        """Break something, by the fault's name in the catalogue."""

    def heal(self) -> Sequence[str]:
        """Undo every fault; what could not be undone. Fine when there is none, or when the target is dead."""

    def flags(self) -> Sequence[dict[str, Any]]:
        """Every run-time switch: `name`, `value`, `default`, `unit`, `help`, `choices`."""

    def set_flag(self, name: str, value: Any, /) -> object:
        """Switch something in the running shop; `default` gives it back. All replicas follow when this returns."""

    def metrics(self, service: str, /) -> Mapping[str, float]:
        """What the replicas of a service count, added up, under the names and labels of their /metrics."""

    def queues(self) -> Mapping[str, int]:
        """Messages waiting in each queue, those in a consumer's hands not among them."""

    def caches(self) -> Mapping[str, Mapping[str, float]]:
        """What each cache node that answers counts: get_hits, get_misses, curr_items, evictions, bytes ..."""

    def cache_entries(self) -> Mapping[str, Mapping[str, float]]:
        """The keys in each cache node that answers, and in how many seconds each expires."""

    def rows(self, query: str, node: str = "", /) -> Sequence[Mapping[str, Any]]:
        """Read the shop's tables by SQL: for counting what is true, never for making it so."""

    def check(self) -> Sequence[str]:
        """The invariants that are violated, in words; empty when all hold."""

    def redeliver(self, queue: str, /) -> int:
        """Put a queue's dead letters back into it, none lost; how many."""

    def recall(self) -> int:
        """Call back every parcel beyond the first of its order; how many."""

    def restock(self, sku: str, left: int, /) -> int:
        """Deliver until exactly so many pieces of an item are left; how many had been promised and were not there."""

    def start_sale(self, sku: str, stock: int, rate: float, /) -> Mapping[str, Any]:
        """Sell so many pieces of an item to a line of people, `rate` of them admitted a second: `sale`, `sku`, ..."""

    def stop_sale(self) -> Mapping[str, Any] | None:
        """End the sale, if there is one: `taken`, `admitted`, `ordered`, `left`."""

    def resend(self) -> int:
        """Have events announced again that were announced and left no trace; how many."""

    def moves(self) -> Sequence[dict[str, Any]]:
        """The latest steps in which Postgres' roles moved, the last one at the end: `at`, `seconds`, `node`, `what`."""

    def switchover(self, to: str, /) -> object:
        """Have this Postgres be the primary, nothing lost; fine when it is."""

    def backup(self) -> Mapping[str, Any]:
        """Take a backup of all tables now: `id`, `at`, `seconds`, `mb`. The log is kept from the first one on."""

    def restore(self, to: str, /) -> Mapping[str, Any]:
        """Bring the tables of a moment (ISO 8601) or of a backup back: `seconds`, `tables`, `lost`, `aside`."""

    def digests(self) -> Mapping[str, str]:
        """A text for each table that is the same when its rows are the same."""

    def reset(self) -> object:
        """Back to the seed state: products and stock as on the first day, no orders."""
