"""How commands speak: JSON for scripts on standard output, everything else for people, messages on standard error.

Colour is never the only carrier of a meaning: a word or a sign says the same.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.table import Table


class Messages(Console):
    """Nobody has to read messages: once their reader is gone, as after `2>&1 >file | head`, the rest are not said."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


out = Console(highlight=False)
err = Messages(stderr=True, highlight=False)

Name = Annotated[str, typer.Option("--name", help="Which shop; several may run side by side.", show_default=True)]
AnyName = Annotated[str, typer.Option("--name", help="Taken by every command; this one needs no running shop.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for scripts.")]

GOOD, BAD, QUIET = "bold green", "bold red", "dim"
SIGNS = {True: "✓", False: "✗"}
VERDICTS = {"pass": f"[{GOOD}]✓ pass[/]", "fail": f"[{BAD}]✗ fail[/]", "unknown": "[bold yellow]? unknown[/]"}
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells and typer have it."""


def emit(document: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(document, indent=2))


def complain(message: str) -> None:
    """One message on standard error."""
    err.print(f"[{BAD}]✗[/] ", end="")
    err.print(message, markup=False, soft_wrap=True)


def table(*columns: str, rows: Any, right: tuple[str, ...] = ()) -> None:
    """A plain table; `right` names the columns of numbers."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(grid)


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """A line that rewrites itself on a terminal and is gone at the end; plain lines elsewhere. On standard error."""
    erase = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))

    def say(line: str) -> None:
        if err.is_terminal:
            err.control(erase)
        err.print(f"  [{QUIET}]{line}[/]", end="" if err.is_terminal else "\n", no_wrap=True, overflow="ellipsis")

    try:
        yield say
    finally:
        if err.is_terminal:
            err.control(erase)


def usage(message: str) -> NoReturn:
    """Wrong usage: say it, exit 2."""
    complain(message)
    raise typer.Exit(2)


def pairs(words: Sequence[str] | None) -> dict[str, str]:
    """KEY=VALUE words. Anything else is wrong usage."""
    for word in words or []:
        if "=" not in word:
            usage(f"{word!r} is not KEY=VALUE")
    return dict(word.split("=", 1) for word in words or [])


def named(name: str) -> str:
    """What a command that is shown needs at its end to be about this shop."""
    return "" if name == "shop" else f" --name {name}"
