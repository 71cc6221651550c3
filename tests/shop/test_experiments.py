"""Experiments on the real shop: nothing is lost, and a shop with a planted bug is found out."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from compose.topology import PROJECT
from labs.control.client import ShopClient
from labs.experiments import draw, series
from labs.experiments.promises import ALL
from tests.conftest import Cli

pytestmark = pytest.mark.servers

EXAMPLE = PROJECT / "labs" / "operations" / "bad-minute.yaml"


def experiments(cli: Cli, shop: ShopClient, *arguments: str, timeout_s: float = 230) -> dict[str, Any]:
    """`experiments --json`; fails the test when it was not all passed."""
    done = cli("experiments", *arguments, "--json", "--name", shop.name, timeout_s=timeout_s)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_five_random_experiments_break_no_promise(healed: ShopClient, cli: Cli) -> None:
    found = experiments(cli, healed, "--count", "5", "--seed", "11")
    assert found["verdicts"] == {"pass": 5, "fail": 0, "unknown": 0}
    assert found["promises_broken"] == dict.fromkeys(ALL, 0)
    assert all(result["confirmed"] > 0 for result in found["results"])
    assert healed.report()["faults"] == []


def test_twenty_five_random_experiments_break_no_promise(healed: ShopClient, cli: Cli) -> None:
    found = experiments(cli, healed, "--count", "25", "--seed", "25", timeout_s=600)
    assert found["verdicts"]["pass"] == 25 and found["failed"] > 0
    assert len({struck.split("@")[0] for result in found["results"] for struck in result["struck"]}) > 10
    pages = [Path(found["run_dir"]) / page for page in ("summary.md", "summary.html")]
    assert all("25 experiments: 0 violations" in page.read_text() for page in pages)


def test_packing_without_idempotency_is_found_kept_and_made_small(healed: ShopClient, cli: Cli) -> None:
    """With a seed that kills a worker between its work and its word, beside a fault that has nothing to do with it."""
    healed.set_flag("fulfilment.idempotent", False)
    targets = healed.targets()
    wanted = re.compile(r"cache_\w+@\S+\+crash_before_ack@fulfilment-1")
    seed = next(seed for seed in count(1) if wanted.fullmatch("+".join(map(str, draw.draw(seed, 1, targets)))))
    done = cli("experiments", "--count", "1", "--seed", str(seed), "--name", healed.name)
    assert done.returncode == 1 and "exactly once in effect" in done.stderr, done.stderr
    kept = Path(done.stderr.split("./shoplab experiments ")[1].split("/experiment.json")[0])
    assert json.loads((kept / "journal.json").read_text())["result"]["broken"][0]["promise"] == "messages"
    done = cli("shrink", str(kept), "--json", "--name", healed.name, timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert [strike["fault"] for strike in json.loads(done.stdout)["strikes"]] == ["crash_before_ack"]


def test_an_experiment_of_ones_own_runs_here_and_with_plain_chaos_toolkit(
    healed: ShopClient, cli: Cli, tmp_path: Path
) -> None:
    assert len(experiments(cli, healed, str(EXAMPLE))["results"][0]["struck"]) == 3
    program, journal = Path(sys.executable).with_name("chaos"), tmp_path / "journal.json"
    options = ["--no-version-check", "--log-file", str(tmp_path / "log"), "run", "--rollback-strategy=always"]
    command = [str(program), *options, "--journal-path", str(journal), str(EXAMPLE)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SHOPLAB_NAME": healed.name, "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(journal.read_text())
    assert (found["status"], found["deviated"]) == ("completed", False)


def test_ctrl_c_heals_keeps_what_there_is_and_the_rest_can_be_resumed(healed: ShopClient, cli: Cli) -> None:
    options = ["experiments", "--count", "3", "--seed", "4711", "--name", healed.name]
    program = [sys.executable, "-P", "-m", "labs.cli", *options]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    begun = subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert begun.stderr
    for line in begun.stderr:
        if line.strip().startswith("1 "):  # the first is done; interrupt the second in its middle
            break
    time.sleep(2.5)
    begun.send_signal(signal.SIGINT)
    _, complaint = begun.communicate(timeout=60)
    assert begun.returncode == 130 and "Traceback" not in complaint
    assert healed.report()["faults"] == []
    assert [each.number for each in series.Kept.latest(series.HOME, 4711).results()] == [1]
    found = experiments(cli, healed, *options[1:5], "--resume")
    assert [each["number"] for each in found["results"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["labs/nowhere.yaml"], "does not exist"),
        ([str(PROJECT / "README.md")], "no experiment of Chaos Toolkit"),
        (["--resume", "--seed", "99999"], "no series with seed 99999"),
        ([str(EXAMPLE), "--resume"], "leave out --resume"),
    ],
)
def test_bad_input_is_told_and_touches_nothing(healed: ShopClient, cli: Cli, arguments: list[str], why: str) -> None:
    done = cli("experiments", *arguments, "--name", healed.name)
    assert done.returncode == 2 and why in " ".join(done.stderr.split()), done.stderr
