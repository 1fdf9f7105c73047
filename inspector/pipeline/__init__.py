"""From names to facts and verdicts, of images and of whole registries: resolve, plan, read layers, judge.

`cluster` and `watch` stand on `audit`, `executor`, `model` and `scopes`, which any other program may use as well.
"""

from __future__ import annotations

from inspector.pipeline.facts import diff, inspect, survey
from inspector.pipeline.model import Options, Progress, Seen
from inspector.pipeline.verdicts import check

__all__ = ["Options", "Progress", "Seen", "check", "diff", "inspect", "survey"]
