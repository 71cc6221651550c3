"""Labs about answers kept ready."""
