"""What control can be asked for, by concern; each file adds its routes to the app."""
