"""Many images, side by side: their facts, or the verdict on them."""

from __future__ import annotations

from inspector.pipeline.check import check
from inspector.pipeline.reading import Options, Progress, Seen, inspect, survey

__all__ = ["Options", "Progress", "Seen", "check", "inspect", "survey"]
