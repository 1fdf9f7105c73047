"""Which torch the image's Python would import, which build it is, what it costs, and what others there are."""

from __future__ import annotations

from inspector.torchbuild.find import find_torch

__all__ = ["find_torch"]
