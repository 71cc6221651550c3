"""Data is lost, and brought back: to the second before, whoever is the primary, with all that is not in Postgres."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compose.places import folder
from labs.control.client import ControlFailed, ShopClient
from tests.conftest import Cli
from tests.shop.buying import ask, buy, buy_once, eventually, insist
from tests.shop.inside import replica, replica_has_all

pytestmark = pytest.mark.servers

DESCRIBED = {"postgres-1": "primary", "postgres-2": "replica"}
REFUSED = (
    ("2020-01-01T00:00:00Z", 1, "before the oldest backup"),
    ("2099-01-01T00:00:00Z", 1, "has not come yet"),
    ("b9999", 2, "there is no backup b9999"),
    ("yesterday, at noon", 2, "neither a backup"),
)


@pytest.fixture
def kept(healed: ShopClient) -> Iterator[ShopClient]:
    """The session's shop with a backup just taken; its roles as described afterwards."""
    healed.backup()
    try:
        yield healed
    finally:
        if roles(healed) != DESCRIBED:
            healed.reset()


def now() -> str:
    return datetime.now(UTC).isoformat()


def bought(shop: ShopClient, orders: int = 3) -> list[str]:
    """Orders that shoppers saw confirmed, all of them shipped."""
    ids = [buy(shop.url, f"tea-{number + 1:03d}").body["order_id"] for number in range(orders)]
    assert shop.check() == []
    return ids


def known(shop: ShopClient, orders: list[str], within_s: float = 60) -> list[bool]:
    asked = (insist(lambda order=order: ask(shop.url, "GET", f"/api/orders/{order}"), within_s) for order in orders)
    return [answer.status == 200 for answer in asked]


def quiet(shop: ShopClient) -> dict[str, str]:
    """The digests of a moment in which nothing is written."""
    seen: list[dict[str, str]] = [{}, shop.digests()]

    def still() -> bool:
        seen.append(shop.digests())
        return seen[-1] == seen[-2]

    eventually(still, every_s=0.3)
    return seen[-1]


def digests(report: dict[str, Any]) -> dict[str, str]:
    return {each["table"]: each["digest"] for each in report["tables"]}


def roles(shop: ShopClient) -> dict[str, str | None]:
    return {c["name"]: c["role"] for c in shop.status() if c["name"].startswith("postgres")}


def test_a_table_that_was_dropped_comes_back_as_it_was_the_second_before(kept: ShopClient) -> None:
    orders = bought(kept)
    before, moment = quiet(kept), now()
    kept.set_fault("table_drop", "postgres-1", table="orders.orders")
    assert buy_once(kept.url).status in (503, 504)
    assert not any(known(kept, orders, within_s=0))
    report = kept.restore(moment)
    assert digests(report) == before
    assert all(known(kept, orders)) and report["lost"]["charges"] != []
    assert buy(kept.url).sold
    assert kept.heal() == [] and kept.check() == []


def test_what_came_after_is_lost_and_listed_until_it_is_gone_back_to(kept: ShopClient) -> None:
    orders = bought(kept)
    moment = now()
    report = kept.restore("latest")
    assert not any(known(kept, orders))
    assert set(report["lost"]["orders"]) == set(orders) == set(report["lost"]["parcels"])
    noted = (folder(kept.name) / "restores.jsonl").read_text().splitlines()[-1]
    assert json.loads(noted)["lost"] == report["lost"]
    assert kept.restore(moment)["lost"]["orders"] == []
    assert all(known(kept, orders)) and kept.check() == []


def test_messages_about_orders_that_are_no_more_are_not_worked_on(kept: ShopClient) -> None:
    kept.set_fault("consumer_pause", "fulfilment")
    orders = [buy(kept.url).body["order_id"] for _ in range(3)]
    kept.restore("latest")
    assert kept.heal() == []
    assert not any(known(kept, orders)) and kept.check() == []


def test_messages_that_were_thrown_away_are_announced_again(kept: ShopClient) -> None:
    kept.set_fault("process_stop", "fulfilment-1")
    orders = [buy(kept.url).body["order_id"] for _ in range(3)]
    eventually(lambda: kept.queues()["fulfilment"] >= 3)
    kept.restore(now())
    assert kept.heal() == []
    assert all(known(kept, orders)) and kept.check() == []


def test_after_a_failover_the_new_primary_is_restored_along_the_new_timeline(kept: ShopClient) -> None:
    before = bought(kept, 1)
    replica_has_all(kept)
    kept.failover()
    kept.rejoin()
    after = bought(kept, 1)
    moment = now()
    mistaken = bought(kept, 1)
    kept.restore(moment)
    assert roles(kept) == {"postgres-1": "replica", "postgres-2": "primary"}
    assert known(kept, before + after + mistaken) == [True, True, False] and kept.check() == []
    eventually(lambda: replica(kept).get("state") == "streaming")


def test_what_a_killed_primary_had_not_archived_is_taken_from_its_disk(kept: ShopClient) -> None:
    orders = bought(kept, 2)
    moment = now()
    later = bought(kept, 1)
    replica_has_all(kept)
    kept.set_fault("primary_kill", "postgres-1")
    report = kept.restore(moment)
    assert known(kept, orders + later) == [True, True, False]
    assert report["lost"]["orders"] == later  # the replica had it
    assert kept.heal() == [] and kept.check() == []


def test_a_restore_that_does_not_get_there_leaves_everything_as_it_was(kept: ShopClient) -> None:
    orders = bought(kept, 2)
    backup = folder(kept.name) / "archive" / "backups" / kept.backups()["backups"][-1]["id"]
    whole = (backup / "base.tar.gz").read_bytes()
    (backup / "base.tar.gz").write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(ControlFailed, match="nothing is restored, postgres-1 is what it was"):
            kept.restore("latest")
    finally:
        (backup / "base.tar.gz").write_bytes(whole)
    assert all(known(kept, orders))
    assert buy(kept.url).sold
    assert roles(kept) == DESCRIBED and kept.check() == []


def test_what_cannot_be_restored_is_refused_before_anything_is_touched(kept: ShopClient, cli: Cli) -> None:
    moves = kept.report()["moves"]
    for to, code, why in REFUSED:
        done = cli("restore", "--to", to, "--name", kept.name)
        assert done.returncode == code and why in done.stderr, (to, done.stderr)
    assert kept.report()["moves"] == moves


def test_three_backups_are_kept_and_each_says_how_far_it_can_be_restored(kept: ShopClient, cli: Cli) -> None:
    for _ in range(3):
        assert cli("backup", "--name", kept.name).returncode == 0
    found = json.loads(cli("backups", "--name", kept.name, "--json").stdout)
    assert len(found["backups"]) == 3
    assert {backup["until"] for backup in found["backups"]} == {"now"}
    assert found["archive"]["failing"] is None and not found["archive"]["full"]
    assert all(backup["mb"] > 1 and backup["at"] < now() for backup in found["backups"])


def test_a_reset_removes_the_data_that_restores_put_aside_and_keeps_the_backups(kept: ShopClient) -> None:
    aside = Path(kept.restore("latest")["aside"])
    assert (aside / "PG_VERSION").exists()
    kept.reset()
    assert not aside.exists()
    assert kept.backups()["backups"] != []
