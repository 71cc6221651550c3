"""The README's table of toxics is the code's."""

import re
from pathlib import Path

from compose.wire.toxics import EFFECTS

README = Path(__file__).parents[2] / "compose/wire/README.md"
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \|", re.MULTILINE)


def test_every_toxic_is_listed_with_its_attributes() -> None:
    listed = {kind: tuple(re.findall(r"`(\w+)`", attributes)) for kind, attributes in ROW.findall(README.read_text())}
    assert listed == {kind: effect.attributes() for kind, effect in EFFECTS.items()}


def test_every_toxic_has_a_file_of_its_own() -> None:
    files = {path.stem for path in (README.parent / "toxics").glob("*.py")} - {"__init__", "effect"}
    assert files == set(EFFECTS)
