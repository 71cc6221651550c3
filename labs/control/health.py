"""Active health checks: a replica that says it cannot do its business leaves the upstream until it can again.

    off       nobody is asked; nginx notices only connections that fail
    shallow   /livez: the process answers
    deep      /readyz: it can do its business now

Deep is better for what one replica has lost, and dangerous for what all of them share: when the database is away every
replica says no, and taking all of them out would refuse even what needs no database. So when fewer than the floor would
be left, none is taken out (Envoy calls this the panic threshold).

A replica that is merely silent is left to nginx, which sees it fail: saturated is not sick, and taking out whoever is
slow would push its load onto the next. Silence says nothing: whoever is in stays in, whoever is out stays out.
"""

import http.client
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from compose.gateway import Upstream
from labs.control.balancer import Balancer
from labs.control.flags import Setting
from labs.control.watching import watch

EVERY_S = 1.0
PATIENCE_S = 2.0  # a replica itself waits 1 s for a connection before it says no
MISSES = 2
PATHS = {"shallow": "/livez", "deep": "/readyz"}

Health = Literal["fine", "unfit", "silent"]


class HealthWatch:
    """Looks once a second at every replica of an upstream that has more than one. `setting` gives a flag's value."""

    def __init__(self, balancer: Balancer, setting: Setting, lock: threading.RLock) -> None:
        self._balancer, self._setting, self._lock = balancer, setting, lock
        self._misses: Counter[str] = Counter()
        self._out: set[str] = set()

    def start(self) -> None:
        """Watch as long as this process lives."""
        watch("health", self.look, EVERY_S)

    def look(self) -> None:
        """Ask everybody once, and change the upstreams where that is due."""
        path = PATHS.get(self._setting("gateway.health_checks"))
        watched = [each for each in self._balancer.told.upstreams if len(each.servers) > 1] if path or self._out else []
        health = self._ask({s.name: s.address for each in watched for s in each.servers}, path) if path else {}
        for name in {server.name for each in watched for server in each.servers}:
            if health.get(name) == "unfit":
                self._misses[name] += 1
            elif health.get(name) != "silent":
                self._misses[name] = 0
        out = {name for each in watched for name, unfit in self._wanted(each).items() if unfit}
        if out != self._out:
            with self._lock:
                self._balancer.take_out(out - self._out, bring_back=self._out - out)
                self._out = out

    def _wanted(self, upstream: Upstream) -> Mapping[str, bool]:
        """Who should be out; nobody, when too few would be left."""
        unfit = {server.name: self._misses[server.name] >= MISSES for server in upstream.servers}
        left_percent = 100 * list(unfit.values()).count(False) / len(unfit)
        return unfit if left_percent >= self._setting("gateway.health_floor") else dict.fromkeys(unfit, False)

    def _ask(self, addresses: Mapping[str, str], path: str) -> Mapping[str, Health]:
        if not addresses:
            return {}
        with ThreadPoolExecutor(max_workers=len(addresses)) as pool:
            return dict(zip(addresses, pool.map(lambda a: ask(a, path), addresses.values()), strict=True))


def ask(address: str, path: str) -> Health:
    """What a replica says of itself. A refused connection says no as well."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return "fine" if connection.getresponse().status == 200 else "unfit"
    except ConnectionRefusedError:
        return "unfit"
    except (OSError, http.client.HTTPException):
        return "silent"
    finally:
        connection.close()
