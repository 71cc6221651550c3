"""A connection that is ended while it is being made."""

import asyncio
import random

from compose.wire.connection import Connection
from tests.unit.wire_clock import Socket, run


def test_a_client_that_was_just_accepted_when_the_proxy_was_stopped_is_ended_too() -> None:
    async def work() -> None:
        over: list[Connection] = []
        connection, client = Connection("127.0.0.1:1", [], random.Random(1), over.append), Socket()
        connection.abort()
        connection.client.connection_made(client)
        connection.client.connection_lost(None)
        assert [what for _, what in client.notes] == ["abort"] and over == [connection]

    run(work)


def test_an_upstream_that_accepts_after_the_proxy_was_stopped_is_let_go() -> None:
    async def work() -> None:
        connection, server = Connection("127.0.0.1:1", [], random.Random(1), lambda _: None), Socket()
        connection.abort()
        connection.server.connection_made(server)
        await asyncio.sleep(0)
        assert [what for _, what in server.notes] == ["abort"]

    run(work)
