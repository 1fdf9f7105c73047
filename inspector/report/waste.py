"""Waste as a person reads it: what is certain with what to change, then what may be needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.facts import ImageFacts
from inspector.facts.waste import CATEGORIES, Waste, Wasted
from inspector.policy.steps import readable, shorten
from inspector.report.canvas import columns, words
from inspector.sizes import show_size
from inspector.unknown import Unknown
from inspector.words import count

SMALL = 100_000
"""Bytes below which waste is summed up: every image replaces its `/etc/passwd`."""
PLACES, PATH = 3, 200
STEP = 100


class Told(NamedTuple):
    """One kind of waste in words: `by` is the step of the layer that removed it, empty where none did."""

    size: str
    title: str
    files: str
    layers: str
    places: str
    step: str
    by: str
    change: str
    certain: bool


class Group(NamedTuple):
    """Rows of waste that one title heads; `small` is the size of those too small to list, or empty."""

    title: str
    items: tuple[Told, ...]
    small: str


def groups(facts: ImageFacts, waste: Waste) -> Iterator[Group]:
    """Yield what is certain, then what may be needed; neither where there is nothing of it."""
    titles = {True: f"Waste, {show_size(waste.certain)}", False: f"May be needed, {show_size(waste.possible)}"}
    for certain, title in titles.items():
        found = [each for each in waste.items if each.certain is certain]
        small = sum(each.bytes for each in found if each.bytes < SMALL)
        items = tuple(_told(facts, each) for each in found if each.bytes >= SMALL)
        if found:
            yield Group(title, items, show_size(small) if small else "")


def _told(facts: ImageFacts, item: Wasted) -> Told:
    """Put waste into words: `deleted by a later layer`, `1 file`, `layer 4, removed by layer 5`, and its folders."""
    places = [f"{shorten(each.path, PATH)} ({show_size(each.bytes)})" for each in item.places[:PLACES]]
    by = "" if item.removed_by is None else f", removed by layer {item.removed_by + 1}"
    return Told(
        size=show_size(item.bytes),
        title=CATEGORIES[item.category].title,
        files=count(item.files, "file"),
        layers=f"layer {item.layer + 1}{by}",
        places=shorten(item.places[0].path, PATH) if len(item.places) == 1 else ", ".join(places),
        step=_step(facts, item.layer),
        by=_step(facts, item.removed_by),
        change=item.change,
        certain=item.certain,
    )


def _step(facts: ImageFacts, position: int | None) -> str:
    if position is None or position >= len(facts.layers):
        return ""
    return readable(facts.layers[position].created_by, STEP)


def waste_parts(facts: ImageFacts) -> Iterator[tuple[str, list[RenderableType]]]:
    """Yield the sections of an image's waste: each title, and what stands below it."""
    waste = facts.waste
    if isinstance(waste, Unknown):
        yield "Waste", [words(f"not looked for: {waste.unknown}", "magenta")]
    elif waste is not None and not waste.items:
        yield "Waste", [words("none was found", "dim")]
    elif waste is not None:
        for group in groups(facts, waste):
            yield group.title, [_table(group)]


def _table(group: Group) -> Table:
    table = columns(2, right=(0,))
    for one in group.items:
        lines = [words(f"{one.title}, {one.files}: {one.layers}"), words(one.places, "dim")]
        lines += [words(f"step: {one.step}", "dim")] if one.step else []
        lines += [words(f"removed by: {one.by}", "dim")] if one.by else []
        lines.append(words(one.change, "cyan" if one.certain else ""))
        table.add_row(one.size, Text("\n").join(lines))
    if group.small:
        table.add_row(group.small, words("in small parts", "dim"))
    return table
