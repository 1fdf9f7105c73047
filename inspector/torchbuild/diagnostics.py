"""Why `import torch` would fail, might fail, or is to be known about: what every check here returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from inspector.unknown import Tri

Severity = Literal["no", "unknown", "note"]
_ORDER: tuple[Severity, ...] = ("no", "unknown", "note")


class Diagnostic(msgspec.Struct, frozen=True):
    """A clause, and what it does to the answer: `note` leaves it as it is."""

    severity: Severity
    text: str


def importable(reasons: Iterable[Diagnostic]) -> Tri:
    """No if anything says no, else not known if anything isn't; yes as far as files and metadata tell."""
    severities = {reason.severity for reason in reasons}
    return "no" if "no" in severities else "unknown" if "unknown" in severities else "yes"


def as_doubts(reasons: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same reasons, with nothing certain about them."""
    return [Diagnostic("unknown", reason.text) if reason.severity == "no" else reason for reason in reasons]


def texts(reasons: Iterable[Diagnostic]) -> tuple[str, ...]:
    """The clauses, the most severe first, each once."""
    ranked = sorted(reasons, key=lambda reason: _ORDER.index(reason.severity))
    return tuple(dict.fromkeys(reason.text for reason in ranked))


def some(items: Sequence[str], limit: int = 3) -> str:
    """The first items, quoted, and how many more there are."""
    shown = ", ".join(repr(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
