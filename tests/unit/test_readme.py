"""What the README claims is compared with the code."""

import re
from pathlib import Path
from typing import get_args

from compose.topology import PROJECT
from labs.catalogue import overview
from labs.cli import app
from labs.commands import load
from labs.load.mixes import MIXES
from labs.load.schedule import NAMES

README = (PROJECT / "README.md").read_text()


def test_the_table_of_labs_is_the_catalogue_of_labs() -> None:
    table = README.split("<!-- labs:")[1].split("<!-- labs end -->")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if row.startswith("| [")]
    told = [(*re.findall(r"\[(.*?)\]\(notebooks/(.*?)/", link)[0], question) for link, question in rows]
    assert told == [(lab["slug"], lab["topic"], lab["question"]) for lab in overview()]


def test_the_mixes_and_arrivals_it_tells_of_are_those_there_are() -> None:
    table = README.split("<!-- mixes:")[1].split("<!-- mixes end -->")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == list(MIXES)
    told = README.split("`--arrival` ")[1].split(":")[0]
    assert re.findall(r"\w+", told.replace(" or", "")) == list(NAMES)


def test_the_help_of_load_names_every_mix_and_arrival() -> None:
    mix, arrival = (get_args(option)[1].help for option in (load.Mix, load.Arrival))
    assert re.findall(r"\w+", re.sub(r" \(.*?\)| or", "", mix)) == list(MIXES)
    assert re.findall(r"\w+", arrival.replace(" or", "")) == list(NAMES)


def test_one_command_to_run_and_one_to_test_stand_near_the_top() -> None:
    top = "\n".join(README.splitlines()[:25])
    assert "$ ./shoplab up" in top and "$ ./shoplab test" in top


def test_every_file_it_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links and not [link for link in links if not (PROJECT / link).exists()]


def test_every_command_it_shows_exists() -> None:
    shown = {line.split()[2] for line in re.findall(r"^\$ \./shoplab .*$", README, re.MULTILINE)}
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert shown <= known


def test_no_path_of_a_machine_is_in_it() -> None:
    assert not re.search(r"/(root|home|work|tmp)/", README)
    assert Path(PROJECT / "README.md").stat().st_size < 26_000
