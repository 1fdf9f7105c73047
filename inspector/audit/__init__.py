"""Many images, side by side: their facts, or the verdict on them."""

from __future__ import annotations

from inspector.audit.reading import Options, Progress, Seen, inspect, survey
from inspector.audit.verdict import check

__all__ = ["Options", "Progress", "Seen", "check", "inspect", "survey"]
