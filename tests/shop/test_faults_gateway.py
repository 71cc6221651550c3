"""Faults of the load balancer: each one's effect appears, and is gone when it is healed."""

import json
from collections import Counter

import pytest

from compose import places
from labs.control.client import ShopClient
from tests.shop.buying import ask, get

pytestmark = pytest.mark.servers


def served_by(shop: ShopClient, requests: int = 40) -> Counter[str]:
    """Who answers: shoppers of as many networks, one after the other."""
    answers = [
        ask(shop.url, "GET", "/api/catalog/products/tea-001", **{"X-Forwarded-For": f"10.77.{n}.1"})
        for n in range(requests)
    ]
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.headers["x-served-by"] for answer in answers)


def of_one_network(shop: ShopClient, requests: int = 20) -> Counter[str]:
    return Counter(
        get(shop.url, "/api/catalog/products/tea-001", **{"X-Forwarded-For": f"10.77.7.{n}"}).headers["x-served-by"]
        for n in range(1, requests + 1)
    )


@pytest.mark.parametrize("max_fails", [0, 2])
def test_lb_backend_down_sends_every_request_to_the_other_replica(breakable: ShopClient, max_fails: int) -> None:
    breakable.set_fault("lb_backend_down", "catalog-1", max_fails=max_fails)
    assert set(served_by(breakable)) == {"catalog-2"}
    breakable.heal()
    assert served_by(breakable)["catalog-1"] >= 10


def test_lb_policy_ip_hash_sends_a_network_to_one_replica(breakable: ShopClient) -> None:
    assert len(of_one_network(breakable)) == 2
    breakable.set_fault("lb_policy", "catalog", policy="ip_hash")
    assert len(of_one_network(breakable)) == 1
    breakable.heal()
    assert len(of_one_network(breakable)) == 2


def test_a_heal_brings_back_the_policy_that_was_chosen_before_though_the_gateway_was_killed(shop: ShopClient) -> None:
    shop.balance("cart", "least_conn")
    try:
        shop.set_fault("lb_policy", "cart", policy="ip_hash")
        assert policy_of(shop, "cart") == "ip_hash"
        shop.set_fault("process_kill", "gateway")
        assert shop.heal() == []
        assert policy_of(shop, "cart") == "least_conn"
    finally:
        shop.heal()
        shop.balance("cart", "round_robin")


def policy_of(shop: ShopClient, service: str) -> str:
    """As the gateway itself keeps it."""
    description = json.loads((places.folder(shop.name) / "data" / "gateway" / "gateway.json").read_text())
    return next(str(each["policy"]) for each in description["upstreams"] if each["service"] == service)
