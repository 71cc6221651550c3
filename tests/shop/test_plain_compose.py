"""For people who never use our command line: `docker compose up --build`, and the shop sells."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from compose import places
from compose.runtime.addresses import FIXED
from compose.runtime.containers import available
from compose.topology import COMPOSE_FILE
from tests.shop.buying import ask, buy, eventually, get

pytestmark = [pytest.mark.servers, pytest.mark.containers]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The shop as Docker Compose alone runs it. Only its name and ports differ from the defaults, lest they be taken
    here.
    """
    if reason := available():
        pytest.skip(f"no containers here: {reason}")
    ports = places.claim_ports()
    published = {f"{name.upper().replace('-', '_')}_PORT": str(ports.base + offset) for name, offset in FIXED.items()}
    environment = {**os.environ, "SHOPLAB_NAME": f"plain-{os.getpid()}", **published}
    compose = ["docker", "compose", "-f", str(COMPOSE_FILE)]
    up = [*compose, "up", "--build", "--detach", "--wait"]
    try:
        done = subprocess.run(up, env=environment, capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, done.stderr[-3000:]
        yield f"http://127.0.0.1:{ports.base}"
    finally:
        down = [*compose, "down", "--volumes", "--timeout", "2"]
        subprocess.run(down, env=environment, capture_output=True, timeout=120, check=True)
        ports.lock.close()


def test_an_order_is_shipped(url: str) -> None:
    order = buy(url)
    assert order.sold, order
    eventually(lambda: ask(url, "GET", f"/api/orders/{order.body['order_id']}").body.get("status") == "shipped")


def test_an_answer_names_the_replica_that_gave_it(url: str) -> None:
    served = {get(url, "/api/catalog/products/tea-001").headers["x-served-by"] for _ in range(8)}
    assert served == {"catalog-1", "catalog-2"}
