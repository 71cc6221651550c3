"""Labs about what goes wrong between two parts, and what it may not do to a shopper."""
