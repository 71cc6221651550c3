"""Every OpenAPI document is true: what fits it, and much that does not, is answered without a server error."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from compose.runtime.addresses import GATEWAY_INTERNAL
from labs.control import place
from labs.control.client import ShopClient
from tests.shop.buying import ask

pytestmark = pytest.mark.servers
SERVICES = [
    *("storefront", "catalog", "cart", "inventory", "orders", "recommendations", "notifications", "payments"),
    "fulfilment",
]


@pytest.fixture(scope="module", autouse=True)
def as_new_afterwards(shop: ShopClient) -> Iterator[None]:
    """Whoever fuzzes turns every switch, also that of the payment provider; the next test wants the shop as it was."""
    yield
    shop.reset()


def fuzz(document: str, base: str) -> subprocess.CompletedProcess[str]:
    """Schemathesis with a fixed seed, so that a failure comes back."""
    command = [sys.executable, "-P", "-m", "schemathesis.cli", "run", document, "--url", base, "--seed", "7"]
    checks = ["--checks", "not_a_server_error", "--max-examples", "25", "--request-timeout", "10"]
    return subprocess.run([*command, *checks], capture_output=True, text=True, timeout=240, cwd="/")


@pytest.mark.parametrize("service", SERVICES[1:])  # the storefront documents no operation: its pages are for people
def test_no_request_makes_a_service_stumble(healed: ShopClient, service: str) -> None:
    base = f"http://127.0.0.1:{place.find(healed.name).base + GATEWAY_INTERNAL}"
    done = fuzz(f"{base}/api/{service}/openapi.json", base)
    assert done.returncode == 0, done.stdout[-3000:]


def test_neither_does_the_waiting_room_of_a_sale(healed: ShopClient) -> None:
    healed.start_sale("pot-020", 100, 10.0)
    base = f"http://127.0.0.1:{place.find(healed.name).base + GATEWAY_INTERNAL}"
    done = fuzz(f"{base}/api/waiting-room/openapi.json", base)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_publishes_its_document(shop: ShopClient, service: str) -> None:
    answer = ask(shop.url, "GET", f"/api/{service}/openapi.json")
    assert answer.status == 200
    assert answer.body["info"]["title"] == f"shoplab {service}"
