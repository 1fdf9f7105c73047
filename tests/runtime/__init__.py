"""Runs of images: the probe by itself, what comes back, and the container that is asked for."""
