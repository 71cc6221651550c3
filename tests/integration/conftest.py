"""Real stores, one of each per session, for whoever asks."""

from collections.abc import Iterator

import pytest

from services.migrate.__main__ import migrate
from tests.integration.private_stores import Broker, ShopDatabase, eventually, free_port, started


@pytest.fixture(scope="session")
def shop_database() -> Iterator[ShopDatabase]:
    """A migrated and seeded database; tests use keys and items of their own."""
    with started("postgres", ADMIN_PASSWORD="adm'in", PARTNER="") as store:
        database = ShopDatabase(store.address)
        eventually(database.ready)
        migrate(database.migrate_settings, reset=False)
        yield database


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker that speaks AMQP; whoever kills it starts it again."""
    port = str(free_port())
    with started("rabbitmq", RABBITMQ_USER="shop", RABBITMQ_PASSWORD="pass'word", DIST_PORT=port) as store:
        made = Broker(store)
        made.wait()
        yield made
