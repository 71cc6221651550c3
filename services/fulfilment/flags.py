"""Fulfilment's run-time switches."""

from services.common.flags import Flag

FLAGS = (Flag(name="fulfilment.pack_ms", default=5.0, unit="ms", help="how long packing one order takes"),)
