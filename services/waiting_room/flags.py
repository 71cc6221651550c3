"""The waiting room's run-time switches."""

from services.common.protection import peer_flags
from services.common.shedding import shedding_flag

FLAGS = (shedding_flag("waiting-room"), *peer_flags("waiting-room"))
