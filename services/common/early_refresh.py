"""Early refresh: load a wanted entry anew shortly before it expires, so that it never expires in anybody's face.

This is XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, PVLDB 8, 2015). Each
entry carries when it is due and how long it took to load; each reader throws a die, and loads anew when

    now - took * ln(die) >= due,    die uniform in (0, 1]

`-took * ln(die)` is exponentially distributed with the mean `took`: the dearer a load, the earlier somebody begins.
Readers need no agreement for that, and an entry that nobody wants is left to expire.
"""

import math
import struct

STAMPED = b"\1"
"""An entry that begins with this carries a stamp; no JSON, SVG or text we cache begins so."""
STAMP = struct.Struct("!cdd")
SPARE_S = 1.5
"""Memcached counts whole seconds by a clock that ticks once a second: an entry may go this much too early."""


def stamped(entry: bytes, now: float, life_s: float, took_s: float) -> bytes:
    """The entry with its stamp: it lives for `life_s` seconds from `now` (seconds since 1970)."""
    due = now + max(life_s - SPARE_S, life_s / 2)
    return STAMP.pack(STAMPED, due, took_s) + entry


def unstamped(entry: bytes) -> bytes:
    """What was stamped; an entry without a stamp as it is."""
    return entry[STAMP.size :] if entry[:1] == STAMPED else entry


def wants_refresh(entry: bytes, now: float, die: float) -> bool:
    """Whether this reader is the one to load it anew, by the formula above."""
    if entry[:1] != STAMPED:
        return False
    _, due, took_s = STAMP.unpack_from(entry)
    return bool(now - took_s * math.log(die) >= due)
