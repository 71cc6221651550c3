"""Stock: what is left, who holds what until when."""
