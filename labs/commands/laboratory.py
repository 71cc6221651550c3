"""labs, lab run, lab stability, compare, replay."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labs.commands.output import (
    QUIET,
    SIGNS,
    VERDICTS,
    AnyName,
    Json,
    Name,
    complain,
    emit,
    err,
    out,
    pairs,
    table,
    usage,
)

if TYPE_CHECKING:
    from labs.engine.bench import Event
    from labs.engine.outcome import LabResult
    from labs.lab import Answer, Lab

lab = typer.Typer(help="Run one lab.", no_args_is_help=True)

Quick = Annotated[bool, typer.Option("--quick", help="Shorter loads: under a minute.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same arrivals.")]
Slug = Annotated[str, typer.Argument(help="A lab, such as balancing-policies.")]


def labs(name: AnyName = "shop", as_json: Json = False) -> None:
    """The labs, in the order of the course."""
    from labs.catalogue import overview

    found = overview()
    if as_json:
        return emit(found)
    rows = [[each["slug"], each["topic"], each["question"], each["minutes"]] for each in found]
    table("lab", "topic", "question", "minutes", right=("minutes",), rows=rows)


@lab.command("run")
def run(
    slug: Slug,
    quick: Quick = False,
    no_predict: Annotated[bool, typer.Option("--no-predict", help="Skip the predictions: for instructors.")] = False,
    seed: Seed = 1,
    predict: Annotated[list[str] | None, typer.Option(help="ID=ANSWER instead of being asked; repeat it.")] = None,
    no_inject: Annotated[bool, typer.Option("--no-inject", help="Leave the fault out: findings must fail.")] = False,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Predict, measure, compare, explain. Exit 0 pass, 1 fail, 2 unknown, 3 the harness broke."""
    from labs.control.client import ShopClient
    from labs.control.place import NotRunning
    from labs.engine import gate
    from labs.engine.outcome import LabBroke, LabResult
    from labs.engine.runner import run_lab

    chosen = _lab(slug)
    try:
        shop = ShopClient.of(name)
        answers = {} if no_predict else _answers(chosen, predict, ask=not as_json and sys.stdin.isatty())
        result = run_lab(
            chosen, shop, answers=answers, predict=not no_predict, quick=quick, seed=seed, inject=not no_inject,
            on_event=(lambda event: None) if as_json else say,
        )  # fmt: skip
    except (gate.PredictionsMissing, gate.BadAnswer) as error:
        usage(str(error))
    except (LabBroke, NotRunning) as error:
        complain(str(error))
        broke = error if isinstance(error, LabBroke) else LabBroke(str(error), LabResult(lab=slug, verdict="unknown"))
        if as_json:
            emit(broke.result.to_json())
        raise typer.Exit(broke.result.exit_code) from error
    emit(result.to_json()) if as_json else show(result)
    raise typer.Exit(result.exit_code)


@lab.command("stability")
def stability(
    slug: Slug,
    runs: Annotated[int, typer.Option(help="How many.", min=1, max=100)] = 10,
    seed: Seed = 1,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Run a lab many times in quick mode: how often did each finding hold?"""
    from labs.control.client import ShopClient
    from labs.engine.stability import stability as measure

    def tell(result: "LabResult") -> None:
        if not as_json:
            err.print(f"  {VERDICTS[result.verdict]}  {result.seconds:.0f} s")

    report = measure(_lab(slug), ShopClient.of(name), runs, seed=seed, on_run=tell)
    if as_json:
        emit(report.to_json())
    else:
        table("finding", "held", rows=[[claim, f"{held} of {report.runs}"] for claim, held in report.held.items()])
        out.print(f"{report.verdicts['pass']} of {report.runs} runs passed")
        for reason in report.reasons:
            out.print(f"  not judged: {reason}", markup=False, soft_wrap=True)
    raise typer.Exit(report.exit_code)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run's folder, or the end of its path.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    name: AnyName = "shop",
    as_json: Json = False,
) -> None:
    """Two runs side by side, and what differs beyond chance. Needs no running shop."""
    from labs.engine.compare import compare as lay_side_by_side

    difference = lay_side_by_side(a, b)
    if as_json:
        return emit(difference.to_json())
    head, rows = difference.table()
    table(*head, rows=rows)
    out.print(difference.summary)


def replay(
    run: Annotated[str, typer.Argument(help="A run's folder, or `latest`.")],
    name: AnyName = "shop",
    as_json: Json = False,
) -> None:
    """Judge a kept run again and rewrite its report. Needs no running shop."""
    from labs.engine.replay import replay as judge_again

    result = judge_again(run, on_event=(lambda event: None) if as_json else say)
    emit(result.to_json()) if as_json else show(result)
    raise typer.Exit(result.exit_code)


def say(event: "Event") -> None:
    """One line of a lab's journal, as it happens."""
    err.print(f"  [{QUIET}]{event.at_s:5.1f} s[/]  {event.kind:<10} ", end="")
    err.print(event.text, markup=False, soft_wrap=True)


def show(result: "LabResult") -> None:
    """A run's result for people: numbers before the verdict."""
    rows = [[SIGNS[f.holds], f.claim, f.measured, f.expected] for f in result.findings]
    table("", "finding", "measured", "expected", rows=rows)
    if result.predictions:
        out.print()
        rows = [[SIGNS[p["right"]], p["question"], _short(p["predicted"]), _short(p["measured"]), p["unit"]]
                for p in result.predictions]  # fmt: skip
        table("", "question", "you predicted", "measured", "unit", rows=rows)
    for reason in result.reasons:
        out.print(f"  because {reason}", markup=False)
    out.print(f"\n{VERDICTS[result.verdict]}  {result.lab}  ({result.seconds:.0f} s)")
    if result.run_dir and (report := result.run_dir / "report.html").exists():
        out.print(f"report: {report}", soft_wrap=True)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def _lab(slug: str) -> "Lab":
    from labs.catalogue import NoSuchLab, lab_named

    try:
        return lab_named(slug)
    except NoSuchLab as error:
        usage(str(error))


def _answers(chosen: "Lab", given: list[str] | None, ask: bool) -> "dict[str, Answer]":
    """Answers from the command line, or asked at the terminal; who leaves that with Ctrl-D has used it wrongly."""
    from labs.engine import gate
    from labs.lab import Answer

    if given:
        return {key: Answer(value=value) for key, value in pairs(given).items()}
    if not ask:
        return {}
    out.print(f"\n[bold]{chosen.title}[/]\n{chosen.question}\nFirst say what you expect:")
    try:
        return gate.ask(chosen)
    except EOFError:
        out.print()
        usage("predict first, or skip it with --no-predict")
