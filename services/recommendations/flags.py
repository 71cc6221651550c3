"""The recommendations' run-time switches: how it treats those it asks, and those who ask it."""

from services.common.protection import peer_flags
from services.common.shedding import shedding_flag

FLAGS = (*peer_flags("recommendations"), shedding_flag("recommendations"))
