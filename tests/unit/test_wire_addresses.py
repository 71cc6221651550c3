"""Where a proxy listens: on this machine alone unless its owner said otherwise."""

import asyncio

import pytest

from compose.wire.addresses import is_loopback, join, split
from compose.wire.engine import Engine


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("", False),
     ("10.0.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_what_others_cannot_reach(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("address", ["127.0.0.1:80", "[::1]:80", ":0", "cache:11211"])
def test_an_address_survives_being_split_and_joined(address: str) -> None:
    assert join(*split(address)) == address


@pytest.mark.parametrize("address", ["", "nonsense", "a:", "a:x", "a:65536", "a:-1", "a:²"])
def test_an_address_needs_a_port(address: str) -> None:
    with pytest.raises(ValueError, match=r"missing port|invalid port"):
        split(address)


@pytest.mark.parametrize(
    ("loopback_only", "listen", "where", "warned"),
    [(True, "", "127.0.0.1:0", True), (True, ":80", "127.0.0.1:80", True), (True, "0.0.0.0:80", "0.0.0.0:80", False),
     (False, "", ":0", False), (False, ":80", ":80", False)],
)  # fmt: skip
def test_an_address_without_a_host_means_this_machine_while_the_wire_itself_is_on_loopback(
    loopback_only: bool, listen: str, where: str, warned: bool
) -> None:
    said: list[str] = []
    wish = {"name": "a", "upstream": "b:1", "listen": listen, "enabled": False}
    proxy = asyncio.run(Engine(loopback_only=loopback_only).create(wish, said.append))
    assert (proxy.listen, bool(said)) == (where, warned)
