"""Labs about work that is done later."""
