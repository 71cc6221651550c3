"""The storefront's run-time switches: how it treats those it asks."""

from services.common.protection import peer_flags

FLAGS = peer_flags("storefront")
