"""Makes roles, schemas and tables, then seeds the shop."""
