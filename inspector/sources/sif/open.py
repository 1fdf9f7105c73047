"""Scaffold; replaced by what reads it."""

from __future__ import annotations

from inspector.errors import Unsupported
from inspector.reference import Reference
from inspector.sources.image import Image
from inspector.sources.platforms import Wanted


def open_sif(reference: Reference, wanted: Wanted) -> tuple[Image, ...]:
    """Raise `Unsupported`."""
    del wanted
    raise Unsupported(f"{reference}: not built yet")
