"""Layers that real writers made."""
