"""The commands without a shop: what they refuse, with which exit code, and what they print."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from labs import cli
from labs.commands import laboratory, load
from labs.control import place
from labs.control.__main__ import my_place
from labs.control.client import ControlFailed
from labs.engine.outcome import LabResult
from labs.faults.fault import UnknownFault
from labs.lab import Finding
from labs.load.mixes import FORMS

NOBODY = ("--name", "nobody-here")


def leaves(command: Any) -> Iterator[Any]:
    """A command, or all there are below a group."""
    below = getattr(command, "commands", None)
    yield from (leaf for each in below.values() for leaf in leaves(each)) if below else [command]


def test_every_command_takes_a_name() -> None:
    commands = list(leaves(typer.main.get_command(cli.app)))
    assert len(commands) > 40
    assert [c.name for c in commands if "--name" not in {word for p in c.params for word in p.opts}] == []


def code(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit code of `./shoplab` with these words."""
    monkeypatch.setattr(sys, "argv", ["shoplab", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.parametrize(
    "words", [("lab", "run", "cache-aside", "--no-predict"), ("lab", "stability", "cache-aside"), ("experiments",)]
)
def test_without_a_shop_there_is_no_verdict_but_a_broken_harness(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert code(monkeypatch, *words, *NOBODY) == 3
    said = capsys.readouterr()
    assert "./shoplab up --name nobody-here" in said.err and "Traceback" not in said.err and said.out == ""
    assert code(monkeypatch, "check", *NOBODY) == 1


def test_a_shop_that_does_not_obey_is_no_verdict_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ControlFailed("no")

    monkeypatch.setattr("labs.control.client.find", refuse)
    assert (code(monkeypatch, "experiments"), code(monkeypatch, "check")) == (3, 1)


def test_lab_run_in_json_ends_with_one_object_also_without_a_shop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(monkeypatch, "lab", "run", "cache-aside", "--json", *NOBODY) == 3
    told = json.loads(capsys.readouterr().out)
    assert "is not running" in told.pop("reasons")[0]
    assert told == {
        "lab": "cache-aside", "verdict": "unknown", "findings": [], "predictions": [], "run_dir": None, "seconds": 0.0,
    }  # fmt: skip


def test_a_fault_is_given_no_parameter_that_it_has_not_though_a_call_would_take_it() -> None:
    done = CliRunner().invoke(cli.app, ["break", "latency", "catalog:memcached", "for_s=5"])
    assert isinstance(done.exception, UnknownFault) and "no parameter 'for_s'" in str(done.exception)
    assert cli.explain(done.exception) == 2


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop of local processes with its wire from port 21000, as this very process pretends."""
    here = replace(my_place("shop", "local", 21000, True), serving=True)
    monkeypatch.setattr(place, "read", lambda name: here)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--runtime", "containers"], "--runtime containers,"),
        (["--no-wire"], "--no-wire,"),
        (["--port", "30000", "--no-wire"], "--no-wire and --port 30000,"),
    ],
)
def test_a_running_shop_that_is_to_be_another_one_stays_as_it_is_and_says_so(options: list[str], told: str) -> None:
    done = CliRunner().invoke(cli.app, ["up", *options])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"other options than {told} and stays as it is" in " ".join(done.stderr.split())


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("options", [[], ["--runtime", "auto"], ["--runtime", "local", "--port", "21000"]])
def test_a_running_shop_is_fine_with_the_options_it_has(options: list[str]) -> None:
    done = CliRunner().invoke(cli.app, ["up", *options])
    assert done.exit_code == 0 and "already running at http://127.0.0.1:21000" in done.stdout


def test_predictions_are_shown_beside_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    grades = [
        {"id": "p50", "question": "How slow?", "unit": "ms", "predicted": 5.0, "measured": 301.23456, "right": False},
        {"id": "who", "question": "Who?", "unit": "", "predicted": "all", "measured": "all", "right": True},
    ]
    finding = Finding(claim="It is slow", holds=True, measured="301", expected="300")
    laboratory.show(LabResult(lab="toy", verdict="pass", findings=[finding], predictions=grades))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["question", "you", "predicted", "measured", "unit"] in rows
    assert ["✗", "How", "slow?", "5", "301", "ms"] in rows and ["✓", "Who?", "all", "all"] in rows


def test_the_help_of_load_names_the_mixes_that_are_about_one_product() -> None:
    told = get_args(load.Mix)[1].help
    assert [form for form in FORMS if form not in told] == []


def test_a_prediction_without_an_answer_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs.control.client.find", lambda name: my_place("shop", "local", 21000, True))
    done = CliRunner().invoke(cli.app, ["lab", "run", "cache-aside", "--predict", "hit_percent"])
    assert done.exit_code == 2 and "is not KEY=VALUE" in done.stderr


class Closed(io.StringIO):
    """A terminal at which somebody presses Ctrl-D."""

    def isatty(self) -> bool:
        return True


def test_who_leaves_the_predictions_has_used_it_wrongly_and_no_lab_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("labs.control.client.find", lambda name: my_place("shop", "local", 21000, True))
    monkeypatch.setattr(sys, "stdin", Closed())
    assert code(monkeypatch, "lab", "run", "cache-aside") == 2
    assert "--no-predict" in capsys.readouterr().err
