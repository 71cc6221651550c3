"""Labs about one item that everybody wants at once."""
