"""Publishes what the outbox holds."""
