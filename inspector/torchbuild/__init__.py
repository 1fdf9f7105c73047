"""Which torch the image's Python would import, which build it is, what it costs, and what others there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector.torchbuild.find import find_torch

__all__ = ["find_torch"]


def __getattr__(name: str) -> Any:
    """Return `find_torch`, with all that it brings; the values are had without."""
    if name != "find_torch":
        raise AttributeError(name)
    from inspector.torchbuild.find import find_torch

    return find_torch
