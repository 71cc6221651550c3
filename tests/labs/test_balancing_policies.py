"""The notebook is run against a real shop, and that run is the lab's own test; the mutation test is the other one."""

import json
from html import escape
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from labs.catalogue import lab_named
from labs.engine.outcome import LabResult
from labs.engine.replay import replay
from labs.engine.runner import run_lab
from labs.shop import Shop

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks/load_balancing/balancing-policies.ipynb"


def execute(path: Path, shop: Shop, runs: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """All cells, in a real kernel, on this shop; an error in a cell fails the test with its traceback."""
    for name, value in {"SHOPLAB_NAME": shop.name, "SHOPLAB_RUNS": str(runs), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return NotebookClient(notebook, timeout=180).execute()


def shown(notebook: nbformat.NotebookNode) -> str:
    """All that a reader sees of the outputs, as one text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(json.dumps(output.get("data", {}), ensure_ascii=False) for output in outputs)


def blames_the_instrument(result: LabResult) -> bool:
    """On a machine that is too busy the lab must say so, and nothing else may be wrong."""
    return all("the generator lagged" in reason for reason in result.reasons)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_passes_on_a_real_shop_and_takes_everything_back(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(part["name"] for part in shop.status())
    page = shown(execute(NOTEBOOK, shop, tmp_path, monkeypatch))
    result = replay("balancing-policies", runs=tmp_path)
    assert [finding.claim for finding in result.findings if not finding.holds] == []
    assert result.verdict == "pass" or (result.verdict == "unknown" and blames_the_instrument(result))
    assert [grade["right"] for grade in result.predictions][::3] == [True, False]
    assert "application/vnd.plotly" in page and all(escape(finding.claim) in page for finding in result.findings)
    assert sorted(part["name"] for part in shop.status()) == before


def test_without_the_slow_replica_every_finding_fails(shop: Shop, tmp_path: Path) -> None:
    lab = lab_named("balancing-policies")
    result = run_lab(lab, shop, predict=False, quick=True, inject=False, runs=tmp_path)
    assert [finding.claim for finding in result.findings if finding.holds] == []
    assert result.verdict in ("fail", "unknown")
