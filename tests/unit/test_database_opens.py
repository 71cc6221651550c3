"""A service may start before its database does, and finds it when it is there."""

import socket

import pytest

from services.common.db import Database
from services.common.errors import Unavailable
from services.common.settings import DatabaseSettings, read


def test_a_database_that_is_not_there_yet_is_asked_again_and_not_given_up_for_good() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        settings = read(DatabaseSettings, {"POSTGRES": address, "DB_PASSWORD": "x", "SHOP_DB_POOL_WAIT_S": "0.1"})
        database = Database(settings, "catalog")
        database.open()
        try:
            for _ in range(2):
                with pytest.raises(Unavailable):  # waiting for a connection, not refusing to ever have one
                    database.ping()
        finally:
            database.close()
