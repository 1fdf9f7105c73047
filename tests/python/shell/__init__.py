"""Shell scripts as they are read."""
