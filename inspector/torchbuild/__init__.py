"""Which torch the image's Python would import, which build it is, what it costs, and what others there are."""

from __future__ import annotations

from inspector.torchbuild.by_name import MustList, find_torch_by_name
from inspector.torchbuild.find import find_torch

__all__ = ["MustList", "find_torch", "find_torch_by_name"]
