"""Labs about data that is in two places."""
