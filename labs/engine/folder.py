"""The folder a run leaves behind: `runs/<lab>/<UTC time>/`, with `runs/latest` pointing at the newest."""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUNS = Path(os.environ.get("SHOPLAB_RUNS") or Path(__file__).resolve().parents[2] / "runs")
"""Beside the source, unless SHOPLAB_RUNS names another folder."""


class NoSuchRun(Exception):
    """There is no run folder there; the message says where was looked."""


@dataclass(frozen=True)
class RunFolder:
    """Files of one run. Every write replaces the file as a whole, so that a killed run leaves readable ones."""

    path: Path

    @classmethod
    def create(cls, runs: Path, lab: str, now: datetime | None = None) -> "RunFolder":
        """A new, empty folder; two runs in the same second get different ones."""
        stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H-%M-%SZ")
        for suffix in ["", *(f".{number}" for number in range(2, 100))]:
            path = runs / lab / f"{stamp}{suffix}"
            if not path.exists():
                (path / "plots").mkdir(parents=True)
                (path / "logs").mkdir()
                _point_latest_at(runs, path)
                return cls(path)
        raise OSError(f"a hundred runs in one second under {runs / lab}")

    @classmethod
    def find(cls, run: str | Path, runs: Path = RUNS) -> "RunFolder":
        """A run by its path, by `<lab>/<time>`, by `<lab>` (its newest) or as `latest`. Raises `NoSuchRun`."""
        for path in (Path(run), runs / run):
            if (path / "journal.json").exists():
                return cls(path.resolve())
            inside = sorted(path.glob("*/journal.json")) if path.is_dir() else []
            if inside:
                return cls(inside[-1].parent.resolve())
        raise NoSuchRun(f"no run {str(run)!r} here nor under {runs}")

    def write_text(self, name: str, text: str) -> None:
        target = self.path / name
        part = target.with_name(target.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(target)

    def write_json(self, name: str, content: object) -> None:
        self.write_text(name, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    def seal(self, name: str, content: object) -> str:
        """Write a file that is not to be edited any more; its SHA-256, for the journal."""
        self.write_json(name, content)
        (self.path / name).chmod(0o444)
        return self.digest(name)

    def digest(self, name: str) -> str:
        return hashlib.sha256((self.path / name).read_bytes()).hexdigest()


def _point_latest_at(runs: Path, path: Path) -> None:
    link = runs / f".latest.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(path.relative_to(runs))
    link.replace(runs / "latest")
