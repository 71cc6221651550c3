"""The table `outbox` from the relay's side: what is unsent, and what was sent."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from services.common.bus import CONFIRM_S, Unroutable
from services.common.db import Database
from services.common.deadline import Deadline
from services.common.errors import ShopError
from services.common.telemetry import log

BATCH_S = 1.0
"""Nothing more is sent then: first what was sent is marked, or it would all be sent again if something broke."""
IDLE_S = BATCH_S + 2 * CONFIRM_S
"""For so long Postgres waits while events are sent: for a batch, then a connection that is made anew and one confirm.
It is the longest for which a relay that is frozen keeps rows from another relay.
"""


@dataclass(frozen=True)
class Row:
    """One event: what happened, `payload` its body, `request_id` the request that made it, `lane` whether it is for the
    packer of the lane.
    """

    id: int
    event_id: str
    event: str
    payload: dict[str, Any]
    request_id: str
    lane: bool


class Outbox:
    """Events that orders wrote beside its orders, oldest first."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock

    def forward(self, send: Callable[[Row], None], limit: int) -> int:
        """Send up to `limit` events, as many as are sent within a second, and mark those for which `send` returned; how
        many those were.

        The rows are locked meanwhile, so a second relay takes others. Whoever dies in between sends some of them
        twice, never not at all. An unroutable event stays unsent; any other error ends the batch and is raised once
        what was sent is marked.
        """
        query = (
            "select id, event_id, event, payload, request_id, lane from outbox where sent_at is null "
            "order by id limit %s for update skip locked"
        )
        with self._database.transaction() as connection:
            with connection.cursor(row_factory=class_row(Row)) as cursor:
                rows = cursor.execute(query, (limit,)).fetchall()
            if not rows:
                return 0
            connection.execute("select set_config('idle_in_transaction_session_timeout', %s, true)", (f"{IDLE_S:g}s",))
            sent, failure = _send_in_order(rows, send, Deadline(BATCH_S, self._clock))
            if sent:
                connection.execute("update outbox set sent_at = now() where id = any(%s)", (sent,))
        if failure is not None:
            raise failure
        return len(sent)


def _send_in_order(
    rows: Sequence[Row], send: Callable[[Row], None], end: Deadline
) -> tuple[list[int], ShopError | None]:
    """Which rows were sent: one, if any can be, then more until `end`. And the failure that stopped it, if one did."""
    sent: list[int] = []
    for row in rows:
        if sent and end.left_s <= 0:
            break
        try:
            send(row)
            sent.append(row.id)
        except Unroutable:
            log().error("unroutable", routing_key=row.event, lane=row.lane, event_id=row.event_id)
        except ShopError as error:
            return sent, error
    return sent, None
