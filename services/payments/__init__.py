"""Charges, idempotent by key, at a simulated provider whose moods can be switched."""
