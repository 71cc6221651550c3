"""Folders, passwords and ports of a shop."""

import socket
import stat
from pathlib import Path

import pytest

from compose import places


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "..", "1st", "a" * 31, "a b"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(places.NoPlace, match="is no name for a shop"):
        places.folder(name)


def test_passwords_are_made_once_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    first = places.passwords(tmp_path)
    assert places.passwords(tmp_path) == first
    assert len(set(first.values())) == len(places.PASSWORDS)
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


def test_every_password_that_compose_yaml_asks_for_is_made() -> None:
    import re

    from compose.topology import COMPOSE_FILE

    asked = set(re.findall(r"\$\{(\w+_(?:PASSWORD|SECRET))\b", COMPOSE_FILE.read_text()))
    assert asked == set(places.PASSWORDS)


def test_a_taken_port_in_a_chosen_block_is_named_with_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLAB_STATE", str(tmp_path))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 30205))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(places.NoPlace, match=rf"port {port} is taken by .*pid"):
            places.claim_ports(port - 5)


def test_a_block_claimed_by_another_shop_is_passed_over_until_it_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLAB_STATE", str(tmp_path))
    first = places.claim_ports()
    second = places.claim_ports()
    assert second.base > first.base
    with pytest.raises(places.NoPlace, match="belong to another shop"):
        places.claim_ports(first.base)
    first.lock.close()
    second.lock.close()
    again = places.claim_ports()
    assert again.base == first.base
    again.lock.close()
