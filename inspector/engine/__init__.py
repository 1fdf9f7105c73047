"""Talking to a container engine: where it listens, what it says, and the containers made for a question."""
