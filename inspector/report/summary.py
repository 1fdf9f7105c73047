"""The line of an image in a summary, as text."""

from __future__ import annotations

from inspector.policy.model import Result
from inspector.report.escape import cut, escape
from inspector.report.text import NOTHING, SYMBOLS, expected_torch, origin, size, torch_build, torch_version

TITLES = ("Image", "Role", "From", "Torch", "Build", "Expected", "Verdict", "Size")


def cells_of(result: Result) -> tuple[str, ...]:
    """Return what stands below each of the titles; what an image chose itself comes escaped."""
    facts = result.facts
    return (
        escape(cut(result.image)),
        escape(cut(result.role or NOTHING)),
        escape(cut(origin(facts))),
        torch_version(facts),
        torch_build(facts),
        expected_torch(result),
        f"{SYMBOLS[result.outcome]} {result.outcome.upper()}",
        size(facts.size.uncompressed) if facts else NOTHING,
    )
