"""The table `messages`: what shoppers were told."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from services.common.db import Database
from services.notifications.letters import Letter


@dataclass(frozen=True)
class Message:
    """A letter that was written."""

    id: int
    order_id: str
    kind: str
    subject: str
    body: str
    created_at: datetime


class Messages:
    """All messages there are; none is changed or written twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, letter: Letter) -> bool:
        """Write a letter; False when the one for this event was written before."""
        query = (
            "insert into messages (event_id, order_id, kind, subject, body) values (%s, %s, %s, %s, %s) "
            "on conflict (event_id) do nothing"
        )
        values = (letter.event_id, letter.order_id, letter.kind, letter.subject, letter.body)
        with self._database.transaction() as connection:
            return connection.execute(query, values).rowcount == 1

    def of_order(self, order_id: str, limit: int = 50) -> list[Message]:
        """The newest messages about an order, newest first."""
        query = (
            "select id, order_id, kind, subject, body, created_at from messages "
            "where order_id = %s order by id desc limit %s"
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Message)) as cursor:
            return cursor.execute(query, (order_id, limit)).fetchall()
