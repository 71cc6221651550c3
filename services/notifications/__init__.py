"""What shoppers are told: an outbox page instead of mail."""
