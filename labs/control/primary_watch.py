"""Looks at the primary, four times a second, and has it replaced when it is gone: when it has ended, is frozen, or
cannot be reached, at two looks in a row. Who replaces it asks once more.

It looks the way the services do, through the wire where there is one: what matters is not how the primary feels, but
whether it can be reached. And only while its replica answers: when both are silent, it is the looking that fails.
"""

from collections.abc import Callable

from compose.postgres import Postgres
from compose.runtime.verbs import Runtime
from labs.control.flags import Setting

LOOKS = 2


class PrimaryWatch:
    """`setting` gives a flag's value, `replace` is called when the primary is gone, with the reason."""

    def __init__(
        self, runtime: Runtime, postgres: Postgres, setting: Setting, replace: Callable[[str], object]
    ) -> None:
        self._runtime, self._postgres, self._setting, self._replace = runtime, postgres, setting, replace
        self._primary: str | None = None
        self._missed = 0

    def look_anew(self) -> None:
        """The roles have moved: find out who the primary is."""
        self._primary, self._missed = None, 0

    def look(self) -> None:
        """Look once, and have the primary replaced if it is gone. Raises what `replace` does."""
        if self._setting("postgres.failover") == "off":
            return self.look_anew()
        if self._primary is None:
            self._primary = self._who()
        elif why := self._gone(self._primary):
            self._missed = 0
            self._replace(why)

    def _who(self) -> str | None:
        """Who is the primary: who says so, or is silent while the other says that it is the replica."""
        roles = self._postgres.roles()
        silent = [node for node, role in roles.items() if role is None and "replica" in roles.values()]
        return next((node for node, role in roles.items() if role == "primary"), next(iter(silent), None))

    def _gone(self, primary: str) -> str | None:
        """Why it counts as gone; None as long as it does not."""
        if self._postgres.answers(primary):
            self._missed = 0
            return None
        self._missed += 1
        others = [node for node in self._postgres.nodes if node != primary]
        if self._missed < LOOKS or not any(self._postgres.answers(node) for node in others):
            return None
        return "gone: " + ("it has ended" if self._runtime.state(primary) == "stopped" else "it does not answer")
