"""The faults of a TCP connection, one per file, under the names Toxiproxy gave them."""

from compose.wire.toxics.bandwidth import Bandwidth
from compose.wire.toxics.effect import Effect
from compose.wire.toxics.latency import Latency
from compose.wire.toxics.limit_data import LimitData
from compose.wire.toxics.noop import Noop
from compose.wire.toxics.reset_peer import ResetPeer
from compose.wire.toxics.slicer import Slicer
from compose.wire.toxics.slow_close import SlowClose
from compose.wire.toxics.timeout import Timeout

EFFECTS: dict[str, type[Effect]] = {
    effect.type(): effect for effect in (Latency, Bandwidth, SlowClose, Timeout, ResetPeer, Slicer, LimitData, Noop)
}

__all__ = ["EFFECTS", "Effect"]
