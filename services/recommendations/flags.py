"""The recommendations' run-time switches: how it treats those it asks, and those who ask it."""

from services.common.admission import shedding_flag
from services.common.protection import peer_flags

FLAGS = (*peer_flags("recommendations"), shedding_flag("recommendations"))
