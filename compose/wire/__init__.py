"""The wire: a fault proxy for TCP that speaks Toxiproxy's HTTP API."""
