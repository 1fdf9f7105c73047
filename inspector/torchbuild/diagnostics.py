"""Diagnostics of `import torch`: why it would fail, might fail, or what to know about it. Every check returns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from inspector.unknown import Importable

Severity = Literal["no", "unknown", "note"]
_ORDER: tuple[Severity, ...] = ("no", "unknown", "note")


class Diagnostic(msgspec.Struct, frozen=True):
    """A clause, and what it does to the answer: `note` leaves it as it is; `path` is the file that it is about.

    `asks` says that following the import, source by source, may decide it.
    """

    severity: Severity
    text: str
    path: str = ""
    asks: bool = False


def importable(diagnostics: Iterable[Diagnostic]) -> Importable:
    """Decide: no if any says no, else unknown if any is; yes as far as files and metadata tell."""
    severities = {each.severity for each in diagnostics}
    return Importable.NO if "no" in severities else Importable.UNKNOWN if "unknown" in severities else Importable.YES


def texts(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """List the clauses, the most severe first, each once."""
    ranked = sorted(diagnostics, key=lambda each: _ORDER.index(each.severity))
    return tuple(dict.fromkeys(each.text for each in ranked))


def counted(severity: Severity, what: str, items: Sequence[str], *, asks: bool = True) -> Iterator[Diagnostic]:
    """Yield a clause that counts the items and quotes the first; none where there are none."""
    if items:
        yield Diagnostic(severity, f"{what} ({len(items)}): {some(items)}", asks=asks)


def some(items: Sequence[str], limit: int = 3) -> str:
    """Quote the first items, and say how many more there are."""
    shown = ", ".join(repr(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
