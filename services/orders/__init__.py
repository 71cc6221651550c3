"""The order path: one key, one order, one charge."""
