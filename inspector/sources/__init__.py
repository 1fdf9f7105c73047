"""Media that hold images, each with one file: from a reference to `Image` values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.sources.platforms import Wanted, own_platform

if TYPE_CHECKING:
    from inspector.sources.opening import open_images

__all__ = ["Wanted", "open_images", "own_platform"]


def __getattr__(name: str) -> Any:
    """Return `open_images`, with all that reads archives."""
    if name != "open_images":
        raise AttributeError(name)
    from inspector.sources.opening import open_images

    return open_images
