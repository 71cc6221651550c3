"""The replica goes on receiving but applies nothing: its lag grows for as long as it lasts."""

from psycopg.sql import SQL

from labs.faults.fault import Fault

FAULT = Fault(
    name="replay_pause",
    kinds=("replica",),
    sees="the state of the moment it began, for ever",
    teaches="a lag without bound: watch it, and stop reading where it is too large",
    apply=lambda shop, target, _given: shop.postgres.run(target, SQL("select pg_wal_replay_pause()")),
    undo=lambda shop, target: shop.postgres.run(target, SQL("select pg_wal_replay_resume() where pg_is_in_recovery()")),
)
