"""Layers: from a tar's bytes to indexes, and from indexes to a root file system."""
