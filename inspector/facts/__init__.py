"""What an image holds, and the ways to find it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.facts.model import Evidence, ImageFacts, LayerFacts, Size

if TYPE_CHECKING:
    from inspector.facts.from_layers import gather

__all__ = ["Evidence", "ImageFacts", "LayerFacts", "Size", "gather"]


def __getattr__(name: str) -> Any:
    """Return `gather`, with all that finds facts, which who only looks at them does without."""
    if name != "gather":
        raise AttributeError(name)
    from inspector.facts.from_layers import gather

    return gather
