"""What every service may use; nothing here knows any service."""
