"""Setting a flag: who is waited for, who is only named, and what the command line makes of that."""

import json
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest
import typer

from compose import topology
from compose.gateway import SpecInvalid
from labs import warming
from labs.commands.operate import flag
from labs.commands.warm import warm
from labs.control.client import ShopClient
from labs.control.flag_changes import FlagChanges
from labs.control.shop import RunningShop
from labs.warming import Warmed
from services.common.lane import HOT_ITEM
from services.migrate.flags import FLAGS


class Shop(RunningShop):
    """A shop with a board of flags, and replicas that are `behind` in turn; `asked` for whom."""

    def __init__(self, *behind: dict[str, str]) -> None:
        self.asked: list[Sequence[str]] = []
        self._lock = threading.RLock()
        self._behind, self.invalid = list(behind), False
        parts = cast(Any, self)
        self._flag_changes = FlagChanges(flags=parts, roles=parts, limits=parts, instruments=parts)

    def set(self, name: str, text: object) -> tuple[Any, int]:
        return text, 7

    def behind(self, services: Sequence[str], version: int) -> dict[str, str]:
        assert version == 7
        self.asked.append(services)
        return self._behind.pop(0)

    def obey(self) -> None:
        if self.invalid:
            raise SpecInvalid("limits.per_s must be less")


def test_a_replica_that_runs_is_waited_for() -> None:
    shop = Shop({"catalog-1": "running", "catalog-2": "running"}, {"catalog-2": "running"}, {})
    assert shop.set_flag("catalog.ttl_s", 5) == (5, [])
    assert len(shop.asked) == 3


def test_a_kill_switch_does_not_wait_for_who_works_at_the_shop() -> None:
    shop, busy, done = Shop({}), threading.Event(), threading.Event()

    def start_something_slow() -> None:
        with shop._lock:
            busy.set()
            done.wait(10)

    threading.Thread(target=start_something_slow, daemon=True).start()
    assert busy.wait(5)
    setter = threading.Thread(target=shop.set_flag, args=("catalog.ttl_s", 5), daemon=True)
    setter.start()
    setter.join(5)
    waits = setter.is_alive()
    done.set()
    assert not waits


def test_a_replica_that_is_frozen_is_named_and_not_waited_for() -> None:
    shop = Shop({"catalog-1": "running", "catalog-2": "paused"}, {"catalog-2": "paused"})
    assert shop.set_flag("catalog.ttl_s", 5) == (5, ["catalog-2"])


def test_all_services_that_follow_a_flag_are_asked() -> None:
    programs = [(service.name, service.command[-1]) for service in topology.load()]
    for switch in FLAGS:
        package = "services." + switch.name.partition(".")[0].replace("-", "_")
        followers = {name for name, program in programs if program == package}
        shop = Shop({})
        shop.set_flag(switch.name, "5")
        assert set(shop.asked[0]) == followers | ({"storefront"} if switch == HOT_ITEM else set()), switch.name


def test_a_flag_is_set_also_when_the_gateway_does_not_take_what_earlier_ones_say() -> None:
    shop = Shop({})
    shop.invalid = True
    assert shop.set_flag("gateway.rate_burst", 5) == (5, [])


def answering(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]) -> None:
    class Client:
        url = "http://shop"

        def switch(self, name: str, value: object) -> dict[str, Any]:
            return document

    monkeypatch.setattr(ShopClient, "of", lambda name: Client())


def test_the_command_line_complains_of_replicas_that_do_not_follow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, {"name": "catalog.ttl_s", "value": 5.0, "behind": ["catalog-2"]})
    with pytest.raises(typer.Exit) as ended:
        flag("catalog.ttl_s", "5")
    said = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert "catalog.ttl_s is 5.0" in said.out and "catalog-2" in said.err


def test_products_that_stay_cold_are_said_beside_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, {})
    monkeypatch.setattr(warming, "warm", lambda url, top: Warmed(products=3, failed=2, seconds=1.0))
    with pytest.raises(typer.Exit):
        warm(as_json=True)
    said = capsys.readouterr()
    assert json.loads(said.out)["failed"] == 2 and "2 failed" in said.err
