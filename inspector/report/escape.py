"""The escaping of everything that an image chose itself, as all reports use it."""

from __future__ import annotations

from inspector.escape import LONGEST, cut, escape

__all__ = ["LONGEST", "cut", "escape"]
