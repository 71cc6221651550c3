"""What became of one intended request."""

import csv
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

OUTCOMES = ("ok", "http_4xx", "http_5xx", "refused", "reset", "timeout")
ANSWERED = ("ok", "http_4xx", "http_5xx")
DROPPED = "dropped"
"""Never sent, because too many requests were in flight already. Not an outcome of the shop but of the instrument."""
BUYER, BOT = "buyer", "bot"
"""The kinds of clients."""


@dataclass(slots=True, kw_only=True)
class Sample:
    """Times in seconds after the beginning of its load; `sent_s` and `done_s` are None when that never happened.

    `outcome` is one of `OUTCOMES`, `dropped`, or empty while (or because) nobody waited for the end.
    `status` is 0 without an answer; `replica` is what X-Served-By said; `client` the address the shopper came from;
    `kind` the kind of client, `buyer` or `bot`.
    """

    intended_s: float
    what: str
    client: str
    sent_s: float | None = None
    done_s: float | None = None
    outcome: str = ""
    status: int = 0
    replica: str = ""
    kind: str = BUYER

    @property
    def latency_ms(self) -> float | None:
        """From the intended start: what the shopper felt, also when the generator or the network kept them waiting."""
        return None if self.done_s is None else (self.done_s - self.intended_s) * 1000

    @property
    def from_send_ms(self) -> float | None:
        """From the sending: what the server was responsible for."""
        return None if self.done_s is None or self.sent_s is None else (self.done_s - self.sent_s) * 1000

    @property
    def lag_ms(self) -> float | None:
        """How late the generator itself was."""
        return None if self.sent_s is None else (self.sent_s - self.intended_s) * 1000


def write_samples(path: Path, phases: Mapping[str, Iterable[Sample]]) -> None:
    """All samples of a run as one gzipped CSV with the columns of `Sample` after the name of the phase."""
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, ["phase", *(field.name for field in fields(Sample))])
        writer.writeheader()
        for phase, samples in phases.items():
            writer.writerows({"phase": phase} | _row(sample) for sample in samples)


def read_samples(path: Path) -> dict[str, list[Sample]]:
    """What `write_samples` wrote, per phase, in order."""
    phases: dict[str, list[Sample]] = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            phases.setdefault(row.pop("phase"), []).append(from_row(row))
    return phases


def from_row(row: Mapping[str, Any]) -> Sample:
    """A sample from texts; an empty time is None."""
    return Sample(
        intended_s=float(row["intended_s"]), what=row["what"], client=row["client"], sent_s=_time(row["sent_s"]),
        done_s=_time(row["done_s"]), outcome=row["outcome"], status=int(row["status"]), replica=row["replica"],
        kind=row.get("kind", BUYER),
    )  # fmt: skip


def _row(sample: Sample) -> dict[str, Any]:
    row = asdict(sample)
    return row | {name: "" if row[name] is None else f"{row[name]:.6f}" for name in ("intended_s", "sent_s", "done_s")}


def _time(text: str | float | None) -> float | None:
    return None if text in ("", None) else float(text)
