"""Two ways to run the same description: local processes and containers."""
