"""What others bought. Optional: whoever shows it must do without it when it does not answer at once."""
