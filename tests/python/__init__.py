"""The interpreter: found, described, and compared with real ones."""
