"""The relay's run-time switches."""

from services.common.flags import Flag

FLAGS = (Flag(name="relay.confirms", default=True, help="an event counts as sent when the broker has said so"),)
