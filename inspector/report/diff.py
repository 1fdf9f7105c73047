"""The difference of two images, as a person and as a script reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.facts import LayerFacts
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.report.canvas import columns, draw, indented, words
from inspector.report.difference import Changed, Difference, Package, Side
from inspector.report.text import NOTHING, count, short, size
from inspector.sizes import show_size

_ADDED, _REMOVED, _CHANGED = ("+", "green"), ("-", "red"), ("~", "yellow")
_SIZES = ("size.uncompressed", "size.compressed", "torch.size", "torch.stack_size")


def render_diff(difference: Difference, *, width: int = 120, color: bool = False) -> str:
    """Return what changed, then the packages, then the layers; in lines of at most `width` cells."""
    return draw(_parts(difference), width=width, color=color)


def _parts(difference: Difference) -> Iterator[RenderableType]:
    yield Text.assemble(_name(difference.before), ("  →  ", "dim"), _name(difference.after), overflow="fold")
    if difference.equal:
        yield indented(words("no difference"), 2)
    if difference.not_compared:
        listed = ", ".join(difference.not_compared)
        yield indented(words(f"not compared, since one side was not looked at: {listed}", "magenta"), 2)
    if difference.changed:
        yield ""
        yield indented(_fields(difference.changed), 2)
    if difference.packages:
        yield ""
        yield indented(_heading("packages", _tally(difference.packages)), 2)
        yield indented(_packages(difference.packages), 2)
    if difference.layers_before or difference.layers_after:
        yield ""
        yield indented(_heading("layers", f"{difference.layers_shared} shared at the base"), 2)
        yield indented(_layers(difference), 2)


def _name(side: Side) -> Text:
    return words(shown_name(side.reference, side.tags), "bold underline")


def _heading(title: str, told: str) -> Text:
    return Text.assemble((title, "bold"), (f"  {told}", "dim"))


def _fields(changed: Iterable[Changed]) -> Table:
    grid = columns(5, right=(4,))
    for each in changed:
        before, after = _shown(each, each.before), _shown(each, each.after)
        growth = ""
        if each.field in _SIZES and each.before and each.after:
            growth = signed(int(each.after) - int(each.before))
        grid.add_row(Text(each.field, "dim"), words(before), Text("→", "dim"), words(after), growth)
    return grid


def _shown(changed: Changed, value: str | None) -> str:
    if not value:
        return NOTHING
    if changed.field in _SIZES:
        return show_size(int(value))
    return short(value) if changed.field == "image_id" else value


def signed(count_of_bytes: int) -> str:
    """Return `+731 MB`, `-2.10 kB`."""
    return f"{'-' if count_of_bytes < 0 else '+'}{show_size(abs(count_of_bytes))}"


def _tally(packages: Iterable[Package]) -> str:
    marks = [_mark(package)[0] for package in packages]
    told = {"added": marks.count("+"), "removed": marks.count("-"), "changed": marks.count("~")}
    return ", ".join(f"{number} {word}" for word, number in told.items() if number)


def _mark(package: Package) -> tuple[str, str]:
    if package.before is None:
        return _ADDED
    return _REMOVED if package.after is None else _CHANGED


def _packages(packages: Iterable[Package]) -> Table:
    """Return the largest change first."""
    grid = columns(4, right=(3,))
    for package in sorted(packages, key=lambda one: (-abs(_growth(one)), one.name)):
        versions = " → ".join(version for version in (package.before, package.after) if version is not None)
        known = package.size_before is not None or package.size_after is not None
        growth = signed(_growth(package)) if known else "?"
        grid.add_row(Text(*_mark(package)), words(package.name), words(versions), growth)
    return grid


def _growth(package: Package) -> int:
    return (package.size_after or 0) - (package.size_before or 0)


def _layers(difference: Difference) -> Table:
    grid = columns(4, right=(2,))
    for layers, mark in ((difference.layers_before, _REMOVED), (difference.layers_after, _ADDED)):
        for at, layer in enumerate(layers, difference.layers_shared + 1):
            grid.add_row(Text(*mark), Text(str(at), "dim"), size(layer.size), words(_step(layer)))
    return grid


def _step(layer: LayerFacts) -> str:
    entries = "" if layer.entries is None else f", {count(layer.entries, 'entry', 'entries')}"
    return readable(layer.created_by) or f"build step not told{entries}"
