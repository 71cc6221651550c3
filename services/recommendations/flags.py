"""The recommendations' run-time switches: how it treats those it asks."""

from services.common.protection import peer_flags

FLAGS = peer_flags("recommendations")
