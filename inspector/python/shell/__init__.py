"""Shell scripts as far as they decide what a container runs: read, never executed."""
