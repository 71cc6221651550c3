"""The replica's disk is full. It is a small one made for that (the replica is copied onto it), never the machine's."""

from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL

from compose.runtime.verbs import COPY_ANEW, RuntimeFailed
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

FILL = """
read -r free all < <(df --block-size=1 --output=avail,size "$DATA" | tail -1)
head --bytes $((free - all * (100 - $0) / 100)) /dev/zero > "$DATA/full" || true # somebody else took the last of it
"""
WRITE = SQL("select pg_logical_emit_message(true, 'disk_fill', '')")


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Move to the small disk, fill it, and have the primary begin a new file of its log, for which there is no room."""
    shop.exec(target, "bash", "-c", COPY_ANEW)
    shop.stop(target, 5.0)
    try:
        shop.small_disk(target, given["disk_mb"])
        shop.exec(target, "bash", "-c", COPY_ANEW)
        shop.start(target)
        shop.exec(target, "bash", "-c", FILL, str(given["fill_percentage"]))
        shop.postgres.run("", WRITE, SQL("select pg_switch_wal()"), WRITE)
    except RuntimeFailed:
        undo(shop, target)
        raise


def undo(shop: Patient, target: str) -> None:
    """Back to its own disk. What it holds is old, so the replica is copied anew as it starts."""
    shop.stop(target, 5.0)
    shop.small_disk(target, None)
    shop.start(target)


FAULT = Fault(
    name="disk_fill",
    kinds=("replica",),
    sees="old answers: the replica goes on answering and takes nothing new; the primary keeps its log for it",
    teaches="a full disk is silent until somebody looks, and it spreads: watch it, bound what is kept for others",
    parameters={
        "fill_percentage": Parameter(100, "%", "how full it is then", most=100, least=1),
        "disk_mb": Parameter(160, "MB", "size of the disk, in memory; the copy needs some 70", most=1024, least=128),
    },
    apply=apply,
    undo=undo,
    runtimes=("local",),
)
