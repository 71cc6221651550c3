"""The shop as its tools see it: control's verbs as methods. This is what a lab gets (`labs.shop.Shop`)."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from labs.control.place import Place, find

PATIENCE_S = 150.0


class ControlFailed(Exception):
    """Control refused or could not do it; the message is its own. `unknown` tells a wrong name from a failure."""

    def __init__(self, message: str, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class ShopClient:
    """One running shop. Raises ControlFailed, and NotRunning when there is none."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.name, self.runtime = place.name, place.runtime
        self.url = f"http://127.0.0.1:{place.base}"

    @classmethod
    def of(cls, name: str = "shop") -> "ShopClient":
        """The running shop of that name."""
        return cls(find(name))

    def report(self, memory: bool = False) -> dict[str, Any]:
        """The whole of `status --json`; measuring memory takes most of its time, so it is left out unless asked for."""
        return self._call("GET", "/status?memory" if memory else "/status")

    def status(self) -> list[dict[str, Any]]:
        """All components."""
        components: list[dict[str, Any]] = self.report()["components"]
        return components

    def scale(self, service: str, n: int) -> None:
        """Run that many replicas; returns when the gateway knows them."""
        self._call("POST", "/scale", service=service, replicas=n)

    def lane(self, sku: str) -> None:
        """Give an item a lane of its own; an empty one closes the lane, once what it sold is packed."""
        self._call("POST", "/lane", sku=sku)

    def balance(self, service: str, policy: str, weights: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Switch an upstream's policy; the upstream as it is now."""
        return self._call("POST", "/balance", service=service, policy=policy, weights=dict(weights or {}))

    def set_fault(self, fault: str, target: str, /, for_s: float = 0.0, **given: Any) -> None:
        """Apply a fault."""
        self._call("POST", "/break", fault=fault, target=target, given=given, for_s=for_s)

    def targets(self) -> dict[str, list[str]]:
        """What each fault of the catalogue can strike in this shop, as it is now."""
        return self._call("GET", "/targets")

    def heal(self) -> list[str]:
        """Undo all faults; what could not be undone."""
        left: list[str] = self._call("POST", "/heal")["left"]
        return left

    def flags(self) -> list[dict[str, Any]]:
        """Every flag: name, value, default, unit, help, choices."""
        found: list[dict[str, Any]] = self._call("GET", "/flags")["flags"]
        return found

    def set_flag(self, name: str, value: object) -> Any:
        """Switch something in the running shop, `default` gives it back; the value it has now."""
        return self.switch(name, value)["value"]

    def switch(self, name: str, value: object) -> dict[str, Any]:
        """The same: name, value, and `behind`: the replicas that do not follow yet, as they are frozen or cut off."""
        return self._call("POST", "/flags", name=name, value=_word(value))

    def metrics(self, service: str) -> dict[str, float]:
        """What the replicas of a service count, added up: `shop_cache_loads_total{cache="catalog"}` -> 12."""
        return self._call("GET", "/metrics?" + urlencode({"service": service}))

    def queues(self) -> dict[str, int]:
        """Messages waiting in each queue."""
        return self._call("GET", "/queues")

    def caches(self) -> dict[str, dict[str, float]]:
        """What each cache node that answers counts."""
        return self._call("GET", "/caches")

    def cache_entries(self) -> dict[str, dict[str, float]]:
        """The keys in each cache node that answers, and in how many seconds each expires."""
        return self._call("GET", "/cache-entries")

    def rows(self, query: str, node: str = "") -> list[dict[str, Any]]:
        """Read tables, at the primary or at the node that is named; what is not JSON comes as text."""
        found: list[dict[str, Any]] = self._call("POST", "/rows", query=query, node=node)["rows"]
        return found

    def failover(self) -> list[dict[str, Any]]:
        """Replace the primary by its replica, in whatever state it is; the steps: at, seconds, node, what."""
        return self._move("/failover")

    def switchover(self, to: str = "") -> list[dict[str, Any]]:
        """Exchange the roles of primary and replica, nothing lost, unless `to` is the primary already; the steps."""
        return self._move("/switchover", to=to)

    def rejoin(self) -> list[dict[str, Any]]:
        """Bring back the old primary as a replica; the steps."""
        return self._move("/rejoin")

    def moves(self) -> list[dict[str, Any]]:
        """The latest steps of all moves, the last one at the end."""
        steps: list[dict[str, Any]] = self.report()["moves"]
        return steps

    def _move(self, path: str, **body: Any) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = self._call("POST", path, **body)["steps"]
        return steps

    def backup(self) -> dict[str, Any]:
        """Take a backup of Postgres now: id, at, seconds, mb."""
        return self._call("POST", "/backup")

    def backups(self) -> dict[str, Any]:
        """`backups`, oldest first, each with `until` when it can be restored; and the `archive` they are in."""
        return self._call("GET", "/backups")

    def restore(self, to: str) -> dict[str, Any]:
        """Bring the data of a moment (ISO 8601) back, or of a backup: to, backup, seconds, aside, tables, lost."""
        return self._call("POST", "/restore", to=to)

    def tables(self) -> list[dict[str, Any]]:
        """Every table: table, rows, digest."""
        found: list[dict[str, Any]] = self._call("GET", "/digests")["tables"]
        return found

    def digests(self) -> dict[str, str]:
        """A digest for each table, to be compared with that of another time."""
        return {each["table"]: each["digest"] for each in self.tables()}

    def redeliver(self, queue: str) -> int:
        """Put a queue's dead letters back into it; how many."""
        put_back: int = self._call("POST", "/redeliver", queue=queue)["put_back"]
        return put_back

    def recall(self) -> int:
        """Call back every parcel beyond the first of its order; how many."""
        called_back: int = self._call("POST", "/recall")["called_back"]
        return called_back

    def restock(self, sku: str, left: int) -> int:
        """Deliver until exactly so many pieces of an item are left; how many had been promised and were not there."""
        oversold: int = self._call("POST", "/restock", sku=sku, left=left)["oversold"]
        return oversold

    def sale(self) -> dict[str, Any] | None:
        """The sale that is on: sale, sku, name, stock, rate, taken, admitted, ordered, left, lane."""
        found: dict[str, Any] | None = self._call("GET", "/sale")["sale"]
        return found

    def start_sale(self, sku: str, stock: int, rate: float, lane: bool = False) -> dict[str, Any]:
        """Sell `stock` pieces of an item to a line of people, `rate` admitted a second, in a lane of its own or not;
        the sale.
        """
        found: dict[str, Any] = self._call("POST", "/sale/start", sku=sku, stock=stock, rate=rate, lane=lane)["sale"]
        return found

    def pace_sale(self, rate: float) -> dict[str, Any]:
        """Admit `rate` people a second from now on; the sale."""
        found: dict[str, Any] = self._call("POST", "/sale/rate", rate=rate)["sale"]
        return found

    def stop_sale(self) -> dict[str, Any] | None:
        """End the sale; how it was. None: there was none."""
        found: dict[str, Any] | None = self._call("POST", "/sale/stop")["sale"]
        return found

    def resend(self) -> int:
        """Have events announced again that left no trace; how many."""
        announced: int = self._call("POST", "/resend")["announced"]
        return announced

    def reset(self) -> None:
        """Back to the seed state."""
        self._call("POST", "/reset")

    def invariants(self, settle_s: float = 30.0) -> list[dict[str, Any]]:
        """Every invariant with what was found."""
        found: list[dict[str, Any]] = self._call("POST", "/check", settle_s=settle_s)["invariants"]
        return found

    def check(self) -> list[str]:
        """The violated invariants, in words; empty when all hold."""
        return [f"{each['claim']}: {each['found']}" for each in self.invariants() if not each["holds"]]

    def logs(self, component: str | None = None, tail: int = 50) -> list[str]:
        """The last lines of a log."""
        lines: list[str] = self._call("GET", "/logs?" + urlencode({"component": component or "", "tail": tail}))[
            "lines"
        ]
        return lines

    def _call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._place.control_url.removeprefix("http://"), timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self._place.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if method == "POST" else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ControlFailed(f"control of {self.name} does not answer: {error}") from error
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        document: dict[str, Any] = json.loads(text) if is_json else {}
        if answer.status != 200:
            message = (
                document.get("error")
                or f"control answered {answer.status}; its log is control.log in the shop's folder"
            )
            raise ControlFailed(message, unknown=answer.status == 404)
        return document


def _word(value: object) -> str:
    """A flag's value as it would be typed."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
