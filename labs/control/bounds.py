"""How much may be asked of a shop: said once, for the command line, for control's interface, and for the faults."""

MOST_REPLICAS = 30
MOST_PIECES = 1_000_000
MOST_ADMITTED_PER_S = 10_000
A_DAY_S = 86_400
"""The longest time after which a fault heals by itself."""
