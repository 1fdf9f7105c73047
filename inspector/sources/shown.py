"""Names that an image or an engine chose, fit for a message."""

from __future__ import annotations


def shown(name: str) -> str:
    """Return the name, escaped and cut."""
    return ascii(name if len(name) <= 200 else name[:200] + "…")
