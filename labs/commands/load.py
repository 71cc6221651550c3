"""load, locust."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labs.commands.output import BAD, GOOD, INTERRUPTED, SIGNS, Json, Name, emit, out, progress_line, table, usage

if TYPE_CHECKING:
    from labs.load import LoadResult, Schedule

Mix = Annotated[
    str,
    typer.Option(
        help="browse, products, stock, shelf, pages, checkout, desk, tiers, twice, sale, shoppers (whole visits), "
        "views (pages as browsers load them), bots, rush (a sale with bots), fans (of a rare item) or scalpers (fans "
        "with bots). (One product only: line:SKU, hot_item:SKU, hot_key:SKU:PERCENT.)"
    ),
]
Arrival = Annotated[str, typer.Option(help="constant, poisson, step, spike or sale.")]
Duration = Annotated[float, typer.Option(help="Seconds.", min=1, max=600)]


def load(
    mix: Mix = "browse",
    rate: Annotated[float, typer.Option(help="Arrivals per second.", min=0.1, max=2000)] = 50.0,
    duration: Duration = 10.0,
    arrival: Arrival = "constant",
    seed: Annotated[int, typer.Option(help="The same seed gives the same arrivals.")] = 1,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Send shoppers: open loop, every latency counted from when the shopper meant to come. Ctrl-C ends it early."""
    from labs.control.client import ShopClient
    from labs.load import schedule

    _known(mix)
    try:
        arrivals = schedule.named(arrival, rate, duration, seed)
    except ValueError as error:
        usage(str(error))
    result = send(ShopClient.of(name).url, arrivals, mix, seed, quiet=as_json)
    emit(document(result)) if as_json else show(result)
    if result.ended_early:
        raise typer.Exit(INTERRUPTED)


def locust(
    mix: Mix = "sale",
    users: Annotated[int, typer.Option(help="How many at a time.", min=1, max=500)] = 20,
    duration: Duration = 10.0,
    think: Annotated[float, typer.Option(help="Mean seconds from an answer to the next request.", min=0.01)] = 1.0,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """The same shoppers in a closed loop, for the contrast: each waits for an answer before asking again (Locust)."""
    from compose.topology import PROJECT
    from labs.control.client import ShopClient

    _known(mix)
    options: dict[str, object] = {
        "--locustfile": PROJECT / "labs/load/locustfile.py",
        "--host": ShopClient.of(name).url,
        "--mix": mix,
        "--users": users,
        "--spawn-rate": users,
        "--run-time": f"{duration:.0f}s",
        "--think": think,
        "--exit-code-on-error": 0,
    }
    program = str(Path(sys.executable).with_name("locust"))
    words = [str(word) for option in options.items() for word in option]
    flags = ["--headless", "--only-summary", *(["--json", "--skip-log"] if as_json else [])]
    os.execve(program, [program, *flags, *words], {**os.environ, "PYTHONPATH": str(PROJECT)})


def send(url: str, arrivals: "Schedule", mix: str, seed: int, quiet: bool) -> "LoadResult":
    """Run the load with a progress line; after Ctrl-C the result is what was measured so far."""
    from labs.load.process import Progress, start_load

    with progress_line() as say:

        def tell(now: Progress) -> None:
            say(
                f"{now.elapsed_s:4.0f} of {arrivals.duration_s:.0f} s  {now.offered} due, {now.completed} done, "
                f"{now.failed} failed, {now.dropped} dropped, {now.in_flight} under way"
            )

        with start_load(url, arrivals, mix, seed=seed, progress=None if quiet else tell) as running:
            try:
                return running.wait()
            except KeyboardInterrupt:
                return running.end()


def document(result: "LoadResult") -> dict[str, Any]:
    """The whole result, the self-checks, and the same for each kind of client where there are several."""
    whole = result.to_json() | {"ended_early": result.ended_early}
    whole["checks"] = [{"name": c.name, "holds": c.holds, "detail": c.detail} for c in result.checks()]
    kinds = sorted({sample.kind for sample in result.samples})
    return whole | ({"by_kind": {kind: result.select(kind=kind).to_json() for kind in kinds}} if len(kinds) > 1 else {})


def show(result: "LoadResult") -> None:
    """A load's result for people: all of it, its parts where there are several, the self-checks."""
    told = f"{result.arrival}, {result.rate:.3g} arrivals/s for {result.duration_s:g} s, seed {result.seed}"
    table(result.mix, told, rows=[[key.replace("_", " "), _cell(value)] for key, value in result.to_json().items()])
    parts = sorted({(sample.kind, sample.what) for sample in result.samples})
    if len(parts) > 1:
        head = ("client", "what", "started", "ok", "p50 ms", "p99 ms")
        table(*head, rows=[_part(result, kind, what) for kind, what in parts], right=head[2:])
    for check in result.checks():
        out.print(f"[{GOOD if check.holds else BAD}]{SIGNS[check.holds]}[/] {check.name}: {check.detail}")


def _known(mix: str) -> None:
    from labs.load.mixes import find

    try:
        find(mix)
    except ValueError as error:
        usage(str(error))


def _part(result: "LoadResult", kind: str, what: str) -> list[object]:
    part = result.select(kind=kind, what=what)
    percentiles = [f"{part.latency.percentile(percent):.1f}" for percent in (50, 99)]
    return [kind, what, part.started, part.outcomes["ok"], *percentiles]


def _cell(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return "  ".join(
        f"{key} {number:.1f}" if isinstance(number, float) else f"{key} {number}" for key, number in value.items()
    )
