"""Notifications' run-time switches."""

from services.common.shedding import shedding_flag

FLAGS = (shedding_flag("notifications"),)
