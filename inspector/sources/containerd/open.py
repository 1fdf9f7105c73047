"""Scaffold; replaced by what reads it."""

from __future__ import annotations

from inspector.errors import Unsupported
from inspector.reference import Reference
from inspector.sources.image import Image
from inspector.sources.media import Media
from inspector.sources.platforms import Wanted


def open_containerd(reference: Reference, wanted: Wanted, media: Media) -> tuple[Image, ...]:
    """Raise `Unsupported`."""
    del wanted, media
    raise Unsupported(f"{reference}: not built yet")
