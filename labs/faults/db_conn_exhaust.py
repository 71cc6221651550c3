"""Somebody opens connections and does not give them back, until the server has none left."""

from labs.faults.fault import Fault, Parameter

FAULT = Fault(
    name="db_conn_exhaust",
    kinds=("postgres",),
    sees="who holds a connection goes on; whoever needs another one is refused: replicas that start, pools that grow",
    teaches="the size of all pools together against max_connections; a pooler in between",
    parameters={
        "connections": Parameter(100, "connections", "how many, if the server has as many", most=500, least=1),
        "hold_s": Parameter(120.0, "s", "then the server closes them", most=3600, least=1),
    },
    apply=lambda shop, target, given: shop.postgres.crowd(target, given["connections"], given["hold_s"]),
    undo=lambda shop, target: shop.postgres.let_go(target, "crowd"),
)
