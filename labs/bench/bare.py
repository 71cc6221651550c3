"""Runs the bare route: as many replicas as the catalogue has, behind a gateway rendered like the shop's."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from compose import topology
from compose.runtime.verbs import RuntimeFailed
from compose.topology import Service, Topology
from labs.bench import bare_route, ground

WITHIN_S = 20.0


def parts(body: bytes) -> Topology:
    """The bare service and the gateway of compose.yaml, with nothing else to balance."""
    described = topology.load()
    text = Path(bare_route.__file__).read_text()
    bare = Service(
        name="bare",
        kind="service",
        ready=None,
        command=[sys.executable, "-c", text],
        environment={"LISTEN": "${LISTEN}", "BODY": body.decode()},
        after={},
        replicas=described["catalog"].replicas,
    )
    environment = {**described["gateway"].environment, "UPSTREAMS": "${UPSTREAMS:-bare=bare:8000}"}
    gateway = replace(described["gateway"], environment=environment, after={})
    return Topology({"bare": bare, "gateway": gateway})


@contextmanager
def route(sku: str, body: bytes) -> Iterator[tuple[str, str, list[int]]]:
    """The gateway's address, the path behind which the bare route answers `body`, and the pids of all its servers."""
    path = bare_route.PATH.replace("<sku>", sku)
    with ground.running(ground.own_name("-bare"), parts(body)) as runtime:
        address = runtime.published()["gateway"]
        _await_answer(f"http://{address}{path}", body)
        yield address, path, [part.pid for part in runtime.ps() if part.pid]


def _await_answer(url: str, body: bytes) -> None:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.read() == body:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeFailed(f"the bare route does not answer the product's bytes at {url}")
