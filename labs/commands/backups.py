"""backup, backups, restore, digests."""

from typing import Annotated, Any

import typer

from labs.commands.output import BAD, GOOD, QUIET, Json, Name, emit, out, table


def backup(name: Name = "shop", as_json: Json = False) -> None:
    """Take a base backup of Postgres now; from the first one on, the log is kept as well."""
    from labs.control.client import ShopClient

    taken = ShopClient.of(name).backup()
    if as_json:
        return emit(taken)
    out.print(f"[{GOOD}]✓[/] {taken['id']}: {taken['mb']} MB in {taken['seconds']:.1f} s")


def backups(name: Name = "shop", as_json: Json = False) -> None:
    """Which backups there are, and how far each can be restored."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).backups()
    if as_json:
        return emit(found)
    rows = [[b["id"], b["mb"], f"{b['seconds']:.1f}", b["at"], b["until"]] for b in found["backups"]]
    table("backup", "MB", "took s", "restorable from", "until", right=("MB", "took s"), rows=rows)
    kept = found["archive"]
    out.print(f"[{QUIET}]{kept['mb']} MB in the shop's archive, the log of the newest backups among it[/]")
    if kept["full"]:
        out.print(f"[{BAD}]✗[/] the log has outgrown its bound and is not kept any more; anew with: ./shoplab backup")
    if kept["failing"]:
        why = f"the log could not be archived at {kept['failing']}; why: ./shoplab logs postgres-1"
        out.print(f"[{BAD}]✗[/] {why}", soft_wrap=True)


def restore(
    to: Annotated[str, typer.Option("--to", metavar="TIME|BACKUP", help="2026-11-27T11:59:59Z, b1, or latest.")],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Bring the data of a moment back, or of a backup; nobody can order meanwhile. The present data is put aside."""
    from labs.control.client import ShopClient

    report = ShopClient.of(name).restore(to)
    if as_json:
        return emit(report)
    show(report["tables"])
    out.print(f"[{GOOD}]✓[/] {report['to']}, from {report['backup']}, in {report['seconds']:.1f} s", soft_wrap=True)
    out.print(f"[{QUIET}]the data before is in {report['aside']}, until: ./shoplab reset[/]", soft_wrap=True)
    lost = {what: "unknown" if ids is None else len(ids) for what, ids in report["lost"].items()}
    if any(lost.values()):
        told = ", ".join(f"{what}: {count}" for what, count in lost.items())
        out.print(f"[{BAD}]✗[/] known outside, and not here any more: {told}; which: restores.jsonl", soft_wrap=True)


def digests(name: Name = "shop", as_json: Json = False) -> None:
    """Rows and digest of every table, to compare with those of a restore."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).tables()
    if as_json:
        return emit(found)
    show(found)


def show(tables: list[dict[str, Any]]) -> None:
    """A line for each table that has rows."""
    rows = [[each["table"], each["rows"], each["digest"]] for each in tables if each["rows"]]
    table("table", "rows", "digest", right=("rows", "digest"), rows=rows)
