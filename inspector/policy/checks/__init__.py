"""The checks: from facts and a role to findings. Pure functions; every one says what it found, good or bad."""
