"""Why `import torch` would fail, might fail, or is to be known about: what every check here returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from inspector.unknown import Tri

Weight = Literal["no", "unknown", "note"]
_ORDER: tuple[Weight, ...] = ("no", "unknown", "note")


class Reason(msgspec.Struct, frozen=True):
    """A clause, and what it does to the answer: `note` leaves it as it is."""

    weight: Weight
    text: str


def importable(reasons: Iterable[Reason]) -> Tri:
    """No if anything says no, else not known if anything isn't; yes as far as files and metadata tell."""
    weights = {reason.weight for reason in reasons}
    return "no" if "no" in weights else "unknown" if "unknown" in weights else "yes"


def as_doubts(reasons: Iterable[Reason]) -> list[Reason]:
    """The same reasons, with nothing certain about them."""
    return [Reason("unknown", reason.text) if reason.weight == "no" else reason for reason in reasons]


def texts(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The clauses, the weightiest first, each once."""
    ranked = sorted(reasons, key=lambda reason: _ORDER.index(reason.weight))
    return tuple(dict.fromkeys(reason.text for reason in ranked))


def some(items: Sequence[str], limit: int = 3) -> str:
    """The first items, quoted, and how many more there are."""
    shown = ", ".join(repr(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
