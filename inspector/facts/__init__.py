"""What an image holds, and the ways to find it out."""

from __future__ import annotations

from inspector.facts.gather import gather
from inspector.facts.model import Evidence, ImageFacts, LayerFacts, Size

__all__ = ["Evidence", "ImageFacts", "LayerFacts", "Size", "gather"]
