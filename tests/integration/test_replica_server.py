"""A replica as it is served: what the gateway lets through gets the app's own answer."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.private_stores import PROJECT, eventually, free_port

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Replica:
    """A storefront whose peers and caches are all away."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def listens(self) -> bool:
        try:
            return self.ask("GET", "/livez").status == 200
        except OSError:
            return False


@pytest.fixture
def replica() -> Iterator[Replica]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "LISTEN": f"127.0.0.1:{port}",
        "REPLICA": "storefront-1",
        "PEERS": "127.0.0.1:9",
        "MEMCACHED": "127.0.0.1:9",
    }
    command = [sys.executable, "-m", "services.storefront"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        replica = Replica(port, process)
        eventually(replica.listens)
        yield replica
    finally:
        process.kill()
        process.wait()


def test_whatever_the_gateway_lets_through_is_answered_by_the_app(replica: Replica) -> None:
    many = {f"X-{number}": "x" for number in range(300)}
    refused = [
        replica.ask("GET", f"/{'x' * 7000}"),
        replica.ask("AB", "/"),
        replica.ask("GET", "/nothing", **many),
    ]
    assert [answer.status for answer in refused] == [404, 405, 404]
    assert [answer.headers["X-Served-By"] for answer in refused] == ["storefront-1"] * 3
