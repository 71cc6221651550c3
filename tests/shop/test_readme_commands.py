"""Every command the README shows is run, in its order, on one shop."""

import re

import pytest

from compose.topology import PROJECT
from labs.control.client import ShopClient
from tests.conftest import Cli

pytestmark = pytest.mark.servers

ELSEWHERE = ("up", "down", "test")  # the fixture does the first two, this very run is the third
COMMANDS = [
    [str(PROJECT / word) if (PROJECT / word).is_file() else word for word in command.split()]
    for command in re.findall(r"^\$ \./shoplab (.+)$", (PROJECT / "README.md").read_text(), re.MULTILINE)
    if command.split()[0] not in ELSEWHERE
]


def test_every_command_of_the_readme_works(healed: ShopClient, cli: Cli) -> None:
    try:
        for command in COMMANDS:
            done = cli(*command, "--name", healed.name)
            judged = (0, 1, 2) if command[:2] == ["lab", "run"] else (0,)  # a busy machine may not let a lab pass
            assert done.returncode in judged, (command, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
    finally:
        healed.scale("catalog", 2)
