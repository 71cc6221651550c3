"""Decide, then look and take in one statement: the row is locked from there to the commit only."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from services.inventory.shelf import Line, lay_out, take_from_first


class Conditional:
    """Never oversells, however long deciding takes. Of one item it sells one piece in the time of a commit."""

    def take(self, connection: Connection[Any], line: Line, decide: Callable[[], None]) -> int:
        decide()
        if not take_from_first(connection, line):
            lay_out(connection, line, buckets=1)
            take_from_first(connection, line)
        return 0
