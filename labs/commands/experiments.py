"""experiments, shrink."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labs.commands.output import INTERRUPTED, QUIET, VERDICTS, Json, Name, emit, err, named, out, table, usage

if TYPE_CHECKING:
    from labs.control.client import ShopClient
    from labs.experiments.run import Result
    from labs.experiments.series import Kept
    from labs.experiments.summary import Summary

COUNT = 25


def experiments(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="An experiment of your own (Chaos Toolkit, JSON or YAML); else they are drawn.",
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="How many; a file runs once when left out.", min=0, max=100_000)] = 0,
    seed: Annotated[int, typer.Option(help="The same seed draws the same experiments.", min=0)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest series of this seed.")] = False,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Break the shop at random, many times, and prove that nothing is lost. Resets the shop first."""
    from labs.control.client import ShopClient
    from labs.experiments import draw, summary
    from labs.experiments.run import load, run
    from labs.experiments.series import Series

    if file and resume:
        usage("a file is run anew each time: leave out --resume")
    shop = ShopClient.of(name)
    targets = shop.targets()
    own = load(file, targets) if file else None
    kept = _kept(shop, file, seed, resume, [] if file else draw.left_out(targets, shop.runtime))
    done = {result.number for result in kept.results()}
    numbers = range(1, (count or (1 if file else COUNT)) + 1)
    if not as_json:
        _announce(kept, len(done))

    def make(number: int) -> draw.Experiment:
        return own or draw.experiment(f"Experiment {number} of seed {seed}", draw.draw(seed, number, targets), seed)

    whole = Series(
        shop=shop, kept=kept, make=make, run=lambda number, what: run(number, what, name),
        tell=lambda result, again: None if as_json else _tell(result, again, name), flags=kept.head["flags"],
    ).go(number for number in numbers if number not in done)  # fmt: skip
    found = summary.write(kept.path, kept.head, kept.results())
    emit(_document(kept, found, whole)) if as_json else _show(kept, found)
    failed = 1 if found.verdicts["fail"] else 2 if found.verdicts["unknown"] else 0
    raise typer.Exit(failed if whole else INTERRUPTED)


def _kept(shop: "ShopClient", file: Path | None, seed: int, resume: bool, left_out: list[str]) -> "Kept":
    """The folder of a new series, or of the one to be resumed."""
    from labs.experiments.series import HOME, Kept, head

    if resume:
        return Kept.latest(HOME, seed)
    return Kept.new(HOME, head(shop, None if file else seed, left_out, str(file or "drawn")))


def shrink(
    run: Annotated[
        Path, typer.Argument(exists=True, help="The folder of an experiment that failed (kept/0042), or its file.")
    ],
    tries: Annotated[int, typer.Option(help="How often a part must pass to count as harmless.", min=1, max=100)] = 3,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Reduce a failing experiment to the fewest faults that still make it fail."""
    from labs.control.client import ShopClient
    from labs.engine.folder import RunFolder
    from labs.experiments.draw import strikes_of
    from labs.experiments.run import load
    from labs.experiments.run import run as run_one
    from labs.experiments.shrink import shrink as reduce

    shop, path = ShopClient.of(name), run / "experiment.json" if run.is_dir() else run
    experiment = load(path, shop.targets())
    found = reduce(
        shop, experiment, tries, run=lambda number, what: run_one(number, what, name),
        tell=lambda turn, result: None if as_json else _tell_try(turn, result),
    )  # fmt: skip
    if found is None:
        usage(f"it did not fail in {tries} tries: nothing to reduce")
    again = path.with_name("smallest.json")
    RunFolder(path.parent).write_json(again.name, found)
    strikes, of = [each["provider"]["arguments"] for each in strikes_of(found)], len(strikes_of(experiment))
    if as_json:
        return emit({"strikes": strikes, "of": of, "file": str(again)})
    words = " + ".join(f"{strike['fault']}@{strike['target']}" for strike in strikes)
    out.print(f"{len(strikes)} of {of} faults are needed: {words}", markup=False, soft_wrap=True)
    out.print(f"repeat it with: ./shoplab experiments {again}" + named(name), markup=False, soft_wrap=True)


def _announce(kept: "Kept", done: int) -> None:
    err.print(f"{kept.path}" + (f" ({done} done before)" if done else ""), soft_wrap=True)
    for line in kept.head["left_out"]:
        err.print(f"  [{QUIET}]left out: {line}[/]", soft_wrap=True)


def _tell(result: "Result", again: Path | None, name: str) -> None:
    """One line an experiment; two more when it did not pass."""
    recovered = "   -  " if result.recover_s is None else f"{result.recover_s:4.1f} s"
    faults = " + ".join(result.struck) or "no fault"
    line = f"{result.number:5}  {result.failed:3} of {result.requests:3} failed  recovered {recovered}"
    err.print(f"{line}  {VERDICTS[result.verdict]}  ", end="")
    err.print(faults + (f" ({len(result.refused)} refused)" if result.refused else ""), markup=False, soft_wrap=True)
    for reason in result.reasons:
        err.print(f"       {reason}", markup=False, soft_wrap=True)
    if again:
        err.print(f"       repeat it with: ./shoplab experiments {again}" + named(name), markup=False, soft_wrap=True)


def _tell_try(turn: int, result: "Result") -> None:
    err.print(f"  {VERDICTS[result.verdict]}  try {turn}: {' + '.join(result.struck) or 'no fault'}")
    for reason in result.reasons:
        err.print(f"       {reason}", markup=False, soft_wrap=True)


def _show(kept: "Kept", found: "Summary") -> None:
    from labs.experiments.summary import HEAD

    table("fault", *HEAD, rows=[[row.name, *row.cells()] for row in (*found.by_fault, found.total)], right=HEAD)
    table("promise", "experiments that broke it", rows=found.promises.items(), right=("experiments that broke it",))
    counts = ", ".join(f"{number} {verdict}" for verdict, number in found.verdicts.items())
    out.print(f"\n{counts}; {kept.path / 'summary.html'}", soft_wrap=True)


def _document(kept: "Kept", found: "Summary", whole: bool) -> dict[str, Any]:
    """What `experiments --json` prints."""
    return {
        "run_dir": str(kept.path),
        "interrupted": not whole,
        "verdicts": found.verdicts,
        "promises_broken": found.promises,
        "requests": found.total.requests,
        "failed": found.total.failed,
        "seconds": found.seconds,
        "left_out": kept.head["left_out"],
        "results": [vars(result) for result in kept.results()],
    }
