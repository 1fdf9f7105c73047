"""Media that hold images, each with one file: from a reference to `Image` values."""

from __future__ import annotations

from inspector.sources.opening import open_images
from inspector.sources.platforms import Wanted, own_platform

__all__ = ["Wanted", "open_images", "own_platform"]
