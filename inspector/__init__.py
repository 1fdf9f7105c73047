"""What a container image's `python` would import, answered from the image's bytes."""

__version__ = "0.1.0"
