"""Every command that a lab's text or its notebook tells a learner to type works on a running shop."""

import re
from pathlib import Path

import nbformat
import pytest

from labs.catalogue import all_labs
from labs.control.client import ShopClient
from labs.lab import Lab, Teaching
from tests.conftest import Cli

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"`?\./shoplab ([^`\n]+)`?")
SHORT = re.compile(r"--duration \d+")
"""A load need not be long to work."""
ELSEWHERE = ("up", "down", "test", "notebook", "bench", "lab")
"""The fixtures do the first two, this very run is the third; Jupyter stays until it is closed; labs have their own."""


def told(lab: Lab) -> str:
    """All prose of a lab that does not depend on a run, and its notebook's."""
    words: Teaching = lab.teaching
    path = ROOT / "notebooks" / lab.topic / f"{lab.slug}.ipynb"
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    asked = [text for pair in words.questionnaire for text in pair]
    texts = [words.artifacts, words.mitigation, words.further, words.notes, *asked]
    return "\n\n".join(" ".join(text.split()) for text in (*texts, *(cell.source for cell in notebook.cells)))


def commands() -> list[str]:
    """Each once, in the order they come."""
    found = [match.strip() for lab in all_labs() for match in COMMAND.findall(told(lab))]
    return [command for command in dict.fromkeys(found) if command.split()[0] not in ELSEWHERE]


def test_every_command_in_the_labs_texts_works(healed: ShopClient, cli: Cli) -> None:
    for command in commands():
        assert healed.heal() == []  # labs do not know of each other: what one has just killed another may freeze
        words = SHORT.sub("--duration 2", command).split()
        done = cli(*words, "--name", healed.name)
        if "not yet at" in done.stderr:  # a busy machine may keep a replica from following a flag in time
            done = cli(*words, "--name", healed.name)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
