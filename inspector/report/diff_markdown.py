"""The difference of two images for a pull request's comment, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.match import shown_name
from inspector.report.diff import step_told
from inspector.report.difference import Difference, Package, Side
from inspector.report.differing import (
    NOT_COMPARED,
    fields_told,
    gpus_told,
    growth_told,
    headline,
    listed_packages,
    moved_told,
    packages_tally,
    versions_told,
)
from inspector.report.markdown import MARKS, bullet, code, folded, joined, literal, prose, table
from inspector.report.text import size

MAX_ROWS = 200
"""Packages that are told one by one: a comment has at most 65,536 characters."""
_STEP = 300
_SIGNS = {"added": "+", "removed": "-"}


def render_diff(difference: Difference) -> str:
    """Return what changed, then the packages, then the layers folded away."""
    return joined(_lines(difference))


def _lines(difference: Difference) -> Iterator[str]:
    yield f"## inspector: {_name(difference.before)} → {_name(difference.after)}: {literal(headline(difference))}"
    if difference.findings:
        yield from ("", *(bullet(each.outcome, each.check, each.message) for each in difference.findings))
    if difference.not_compared:
        yield from ("", f"- {MARKS['unknown']} {NOT_COMPARED}: {literal(', '.join(difference.not_compared))}")
    if difference.changed:
        rows = ((*map(literal, told), growth) for *told, growth in fields_told(difference))
        yield from ("", *table(("", "Before", "After", "Growth"), rows, right=(3,)))
    if gpus := gpus_told(difference):
        yield from ("", prose(gpus))
    if difference.packages:
        yield from _packages(difference)
    if difference.layers_before or difference.layers_after:
        summary = f"Layers: {difference.layers_shared} shared at the base"
        yield from folded(summary, _layers(difference))


def _packages(difference: Difference) -> Iterator[str]:
    yield from ("", f"Packages: {packages_tally(difference.packages)}")
    listed = listed_packages(difference)
    if listed:
        yield from ("", *table(("", "Package", "Version", "Growth"), map(_cells, listed[:MAX_ROWS]), right=(3,)))
    if len(listed) > MAX_ROWS:
        yield from ("", f"and {len(listed) - MAX_ROWS:,} more packages")
    if moved := moved_told(difference):
        yield from ("", prose(moved))


def _cells(package: Package) -> tuple[str, ...]:
    sign = _SIGNS.get(package.change, "~")
    return (sign, code(package.name), literal(versions_told(package)), growth_told(package))


def _layers(difference: Difference) -> Iterator[str]:
    for layers, sign in ((difference.layers_before, "-"), (difference.layers_after, "+")):
        for at, layer in enumerate(layers, difference.layers_shared + 1):
            yield f"- {sign} {at}: {size(layer.size)}, {code(step_told(layer)[:_STEP])}"


def _name(side: Side) -> str:
    return code(shown_name(side.reference, side.tags))
