"""What every notebook must be, whatever its lab."""

from collections import defaultdict
from pathlib import Path

import nbformat
import pytest

from labs.catalogue import all_labs
from labs.lab import Lab, Number

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
ALL = sorted(NOTEBOOKS.glob("*/*.ipynb"))


def cells(path: Path, kind: str) -> list[str]:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def test_every_lab_has_its_notebook_in_the_folder_of_its_topic() -> None:
    assert [path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in ALL] == sorted(
        f"{lab.topic}/{lab.slug}" for lab in all_labs()
    )


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_in_short_cells(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert [source for source in cells(path, "code") if len(source.splitlines()) > 4] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_begins_with_text_and_explains_before_each_step(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert notebook.cells[0].cell_type == "markdown"
    assert len(cells(path, "markdown")) >= len(cells(path, "code"))


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.slug)
def test_a_rows_prediction_is_a_number(lab: Lab) -> None:
    """A choice cannot stand in a column of numbers. Which rows there are does not depend on what was measured."""
    numbers = {question.id for question in lab.predictions if isinstance(question, Number)}
    asked = {row.question for row in lab.rows(defaultdict(lambda: 1.0)) if row.question}
    assert asked <= numbers
