"""What a local process finds around it: folders of its own, a log, an environment. All of it lies in the shop's
folder.
"""

import os
import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from compose.places import User
from compose.runtime.addresses import Addresses
from compose.runtime.roster import Roster
from compose.topology import Service, Topology, interpolate

SYSTEM_PATH = "/usr/sbin:/usr/local/bin:/usr/bin:/bin"


class Surroundings:
    """Folders `data`, `archive`, `logs` and `tmp` below `shop`; the code is in `source`."""

    def __init__(
        self, shop: Path, source: Path, addresses: Addresses, roster: Roster, secrets: Mapping[str, str]
    ) -> None:
        self._shop, self.source = shop, source
        self._addresses, self._roster, self._secrets = addresses, roster, secrets

    def prepare(self, topology: Topology, user: User) -> None:
        """Make the folders, give them to the shop's user with all that another user's shop has left in them, begin with
        empty logs.
        """
        shutil.rmtree(self._shop / "tmp", ignore_errors=True)
        for folder in ("data", "archive", "logs", "tmp", *(f"data/{service.name}" for service in topology)):
            path = self._shop / folder
            path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0 and path.stat().st_uid != user.uid:
                for each in (path, *path.rglob("*")):
                    os.chown(each, user.uid, user.gid, follow_symlinks=False)
        for log in (*(self._shop / "logs").glob("*.log"), self.data("gateway") / "access.log"):
            log.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove what the components have stored."""
        for folder in (self.data(), self._shop / "archive"):
            shutil.rmtree(folder, ignore_errors=True)

    def environment(self, service: Service, component: str) -> dict[str, str]:
        """compose.yaml's environment with every placeholder filled in for loopback, and nothing of ours."""
        values = {
            **self._secrets,
            **self._addresses.variables(self._roster.scale, service, component),
            "LISTEN": self._addresses[component],
            "REPLICA": component,
            "DATA": str(self.data(component)),
            "ARCHIVE": str(self._shop / "archive"),
        }
        return {
            "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}",
            "HOME": str(self.data()),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._shop / "tmp"),
            "PYTHONPATH": str(self.source),
            **{key: interpolate(text, values) for key, text in service.environment.items()},
            "REPLICA": component,
        }

    def data(self, component: str = "") -> Path:
        """What a component stores, or all of them."""
        return self._shop / "data" / component

    def is_primary(self, component: str) -> bool:
        """Is this the data of a Postgres that follows nobody?"""
        database = self.data(component) / "db"
        return database.is_dir() and not (database / "standby.signal").exists()

    def log(self, component: str) -> Path:
        """Where a component's output goes."""
        return self._shop / "logs" / f"{component}.log"

    def tail(self, component: str, lines: int) -> list[str]:
        """The end of its log."""
        if not self.log(component).exists():
            return []
        with self.log(component).open(errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=lines)]

    def autopsy(self, component: str, what: str) -> str:
        """What happened to a component, with the end of its log."""
        tail = "\n".join(f"    {line}" for line in self.tail(component, 12))
        return f"{what}; the end of its log:\n{tail or '    (empty)'}"
