"""The lock says exactly what is installed, and covers all that pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "compose/requirements.txt"
IMAGES = ROOT / "compose/images/requirements.txt"


def lines(path: Path) -> list[str]:
    """What is asked for, without comments."""
    return [line for text in path.read_text().splitlines() if (line := text.partition("#")[0].strip())]


def pins(path: Path) -> dict[str, Version]:
    parts = (line.split("==") for line in lines(path))
    return {canonicalize_name(name): Version(version) for name, version in parts}


def asked_for() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in sum(project["optional-dependencies"].values(), project["dependencies"])]


@pytest.mark.parametrize("requirement", asked_for(), ids=str)
def test_every_dependency_is_locked_to_a_version_it_allows(requirement: Requirement) -> None:
    assert pins(LOCK)[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_lock_holds_nothing_but_exact_versions() -> None:
    assert [line for line in lines(LOCK) if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)] == []


def test_the_copy_of_enum_from_python_2_stays_out() -> None:
    assert "enum34" not in pins(LOCK)


def test_the_images_install_the_same_versions() -> None:
    ours = pins(LOCK)
    assert {name: version for name, version in pins(IMAGES).items() if ours.get(name) != version} == {}
