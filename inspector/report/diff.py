"""The difference of two images, as a person and as a script reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.facts import LayerFacts
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.report.canvas import columns, draw, indented, sentence, words
from inspector.report.difference import Difference, Package, Side
from inspector.report.differing import (
    NOT_COMPARED,
    fields_told,
    gpus_told,
    growth_told,
    listed_packages,
    moved_told,
    packages_tally,
    versions_told,
)
from inspector.report.text import size
from inspector.words import count

_MARKS = {"added": ("+", "green"), "removed": ("-", "red")}
_CHANGED = ("~", "yellow")


def render_diff(difference: Difference, *, width: int = 120, color: bool = False) -> str:
    """Return what changed, then the packages, then the layers; in lines of at most `width` cells."""
    return draw(_parts(difference), width=width, color=color)


def _parts(difference: Difference) -> Iterator[RenderableType]:
    yield Text.assemble(_name(difference.before), ("  →  ", "dim"), _name(difference.after), overflow="fold")
    if difference.equal:
        yield indented(words("no difference"), 2)
    if difference.not_compared:
        listed = ", ".join(difference.not_compared)
        yield indented(words(f"{NOT_COMPARED}: {listed}", "magenta"), 2)
    for finding in difference.findings:
        yield indented(sentence(finding.outcome, finding.check, finding.message), 2)
    if difference.changed:
        yield ""
        yield indented(_fields(difference), 2)
    if gpus := gpus_told(difference):
        yield indented(words(gpus), 2)
    if difference.packages:
        yield ""
        yield indented(_heading("packages", packages_tally(difference.packages)), 2)
        yield indented(_packages(listed_packages(difference)), 2)
        if moved := moved_told(difference):
            yield indented(words(moved, "dim"), 2)
    if difference.layers_before or difference.layers_after:
        yield ""
        yield indented(_heading("layers", f"{difference.layers_shared} shared at the base"), 2)
        yield indented(_layers(difference), 2)


def _name(side: Side) -> Text:
    return words(shown_name(side.reference, side.tags), "bold underline")


def _heading(title: str, told: str) -> Text:
    return Text.assemble((title, "bold"), (f"  {told}", "dim"))


def _fields(difference: Difference) -> Table:
    grid = columns(5, right=(4,))
    for field, before, after, growth in fields_told(difference):
        grid.add_row(Text(field, "dim"), words(before), Text("→", "dim"), words(after), growth)
    return grid


def _packages(packages: Iterable[Package]) -> Table:
    grid = columns(4, right=(3,))
    for package in packages:
        mark = Text(*_MARKS.get(package.change, _CHANGED))
        grid.add_row(mark, words(package.name), words(versions_told(package)), growth_told(package))
    return grid


def _layers(difference: Difference) -> Table:
    grid = columns(4, right=(2,))
    for layers, mark in ((difference.layers_before, "removed"), (difference.layers_after, "added")):
        for at, layer in enumerate(layers, difference.layers_shared + 1):
            grid.add_row(Text(*_MARKS[mark]), Text(str(at), "dim"), size(layer.size), words(step_told(layer)))
    return grid


def step_told(layer: LayerFacts) -> str:
    """Return the build step of a layer; of one without, how much it holds."""
    entries = "" if layer.entries is None else f", {count(layer.entries, 'entry', 'entries')}"
    return readable(layer.created_by) or f"build step not told{entries}"
