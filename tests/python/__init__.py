"""The interpreter: found, described, and held against real ones."""
