"""Chaos experiments by the hundred: seeded, in Chaos Toolkit's format, each proved by the shop's invariants."""
