"""What the wire's README tells its reader to type, typed."""

import re
from pathlib import Path

import pytest

from tests.integration.wire_parts import PROJECT, free_port, wire

pytestmark = pytest.mark.servers

TEXT = (PROJECT / "compose/wire/README.md").read_text()


def test_the_readmes_configuration_and_requests_work_and_say_what_it_says(tmp_path: Path) -> None:
    port = str(free_port())
    (config,) = re.findall(r"echo '(.*)' > proxies.json", TEXT)
    (tmp_path / "proxies.json").write_text(config.replace("23501", port))
    with wire("--config", str(tmp_path / "proxies.json")) as running:
        assert running.process.stdout
        assert running.process.stdout.readline().replace(port, "23501") in TEXT
        requests = re.findall(r"curl -s localhost:8474(\S+) (?:-d '(.*)'|-X (\w+))", TEXT)
        answers = [running.ask(method or "POST", path, body.encode()) for path, body, method in requests]
    assert [answer.status for answer in answers] == [200, 204]
