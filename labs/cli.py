"""`./shoplab`: every command in one place, and the one place where errors become exit codes.

Exit codes: 0 fine, 1 failed, 2 unknown or wrong usage, 3 the harness itself broke.
"""

import sys
from collections.abc import Callable

import typer

from labs.commands import (
    backups,
    breaking,
    experiments,
    laboratory,
    lane,
    lifecycle,
    load,
    operate,
    proving,
    replication,
    sale,
    study,
    warm,
    wire,
)
from labs.commands.output import INTERRUPTED, complain

app = typer.Typer(
    name="shoplab",
    help="A small, real shop that you can break: learn how big shops survive their biggest day.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN, WORK, LEARN = "Run the shop", "Work on it and break it", "Learn, measure, prove"

COMMANDS: dict[Callable[..., None], str] = {
    lifecycle.up: RUN,
    lifecycle.down: RUN,
    lifecycle.status: RUN,
    lifecycle.doctor: RUN,
    lifecycle.reset: RUN,
    lifecycle.logs: RUN,
    operate.check: WORK,
    operate.scale: WORK,
    operate.balance: WORK,
    lane.lane: WORK,
    warm.warm: WORK,
    load.load: WORK,
    load.locust: WORK,
    breaking.faults: WORK,
    breaking.break_: WORK,
    breaking.heal: WORK,
    operate.redeliver: WORK,
    operate.recall: WORK,
    operate.restock: WORK,
    operate.resend: WORK,
    replication.failover: WORK,
    replication.switchover: WORK,
    replication.rejoin: WORK,
    backups.backup: WORK,
    backups.backups: WORK,
    backups.restore: WORK,
    backups.digests: WORK,
    operate.flags: WORK,
    operate.flag: WORK,
    wire.wire: WORK,
    laboratory.labs: LEARN,
    laboratory.compare: LEARN,
    laboratory.replay: LEARN,
    experiments.experiments: LEARN,
    experiments.shrink: LEARN,
    study.notebook: LEARN,
    study.bench: LEARN,
    proving.test: LEARN,
}
JUDGES = ("lab", "experiments")
"""Their 1 is the verdict `fail`: a shop that does not run, or does not obey, is a broken harness to them."""

for command, panel in COMMANDS.items():
    app.command(name=command.__name__.rstrip("_"), rich_help_panel=panel)(command)
app.add_typer(sale.sale, name="sale", rich_help_panel=WORK)
app.add_typer(laboratory.lab, name="lab", rich_help_panel=LEARN)


def main() -> None:
    """Run a command; expected failures become one clear message."""
    try:
        app(prog_name="shoplab")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            complain("interrupted")
        raise
    except Exception as error:
        code = explain(error)
        sys.exit(3 if code == 1 and sys.argv[1:2] in ([each] for each in JUDGES) else code)


def explain(error: Exception) -> int:
    """The exit code of a failure; says what went wrong, with a traceback only when we did not foresee it."""
    from compose.gateway import SpecInvalid
    from compose.places import BadName, NoPlace
    from compose.runtime.verbs import RuntimeFailed, UnknownComponent
    from compose.versions import Unusable
    from labs.control.client import ControlFailed
    from labs.control.place import NotRunning
    from labs.control.starting import NotStarted
    from labs.engine.folder import NoSuchRun
    from labs.experiments.draw import BadExperiment
    from labs.faults.fault import UnknownFault
    from labs.load.process import LoadFailed
    from labs.warming import NotWarmed

    wrong = (BadName, UnknownComponent, UnknownFault, SpecInvalid, NoSuchRun, BadExperiment)
    foreseen = (RuntimeFailed, ControlFailed, NotRunning, NotStarted, NoPlace, Unusable, LoadFailed, NotWarmed)
    if isinstance(error, wrong) or getattr(error, "unknown", False):
        complain(str(error))
        return 2
    if isinstance(error, foreseen):
        complain(str(error))
        return 1
    import traceback

    traceback.print_exception(error)
    complain("this is a fault of shoplab itself, not of the shop; please report it with the lines above")
    return 3


if __name__ == "__main__":
    main()
