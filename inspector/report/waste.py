"""Waste as a person reads it: what is certain with what to change, then what may be needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.facts import ImageFacts
from inspector.facts.waste import CATEGORIES, Waste, Wasted
from inspector.policy.steps import readable, shorten
from inspector.report.canvas import columns, words
from inspector.report.text import count
from inspector.sizes import show_size
from inspector.unknown import Unknown

SMALL = 100_000
"""Bytes below which waste is summed up: every image replaces its `/etc/passwd`."""
PLACES, PATH = 3, 200
STEP = 100


class Group(NamedTuple):
    """Waste that is told together, and what is too small to be."""

    title: str
    items: tuple[Wasted, ...]
    small: int


def groups(waste: Waste) -> Iterator[Group]:
    """Yield what is certain, then what may be needed; neither where there is nothing of it."""
    titles = {True: f"Waste, {show_size(waste.certain)}", False: f"May be needed, {show_size(waste.possible)}"}
    for certain, title in titles.items():
        found = [each for each in waste.items if each.certain is certain]
        small = sum(each.bytes for each in found if each.bytes < SMALL)
        if found:
            yield Group(title, tuple(each for each in found if each.bytes >= SMALL), small)


def what(item: Wasted) -> str:
    """Return `deleted by a later layer, 1 file`."""
    return f"{CATEGORIES[item.category].title}, {count(item.files, 'file')}"


def layers_told(item: Wasted) -> str:
    """Return `layer 4, removed by layer 5`."""
    by = "" if item.removed_by is None else f", removed by layer {item.removed_by + 1}"
    return f"layer {item.layer + 1}{by}"


def step_of(facts: ImageFacts, position: int | None) -> str:
    """Return the build step of a layer in one line; empty where it isn't told."""
    if position is None or position >= len(facts.layers):
        return ""
    return readable(facts.layers[position].created_by, STEP)


def places_told(item: Wasted) -> str:
    """Name the biggest folders, and how many bytes each has."""
    if len(item.places) == 1:
        return shorten(item.places[0].path, PATH)
    return ", ".join(f"{shorten(each.path, PATH)} ({show_size(each.bytes)})" for each in item.places[:PLACES])


def waste_parts(facts: ImageFacts) -> Iterator[tuple[str, list[RenderableType]]]:
    """Yield the sections of an image's waste: each title, and what stands below it."""
    waste = facts.waste
    if isinstance(waste, Unknown):
        yield "Waste", [words(f"not looked for: {waste.unknown}", "magenta")]
    elif waste is not None and not waste.items:
        yield "Waste", [words("none was found", "dim")]
    elif waste is not None:
        for group in groups(waste):
            yield group.title, [_table(facts, group)]


def _table(facts: ImageFacts, group: Group) -> Table:
    table = columns(2, right=(0,))
    for item in group.items:
        lines = [words(f"{what(item)}: {layers_told(item)}"), words(places_told(item), "dim")]
        step = step_of(facts, item.layer)
        by = step_of(facts, item.removed_by)
        lines += [words(f"step: {step}", "dim")] if step else []
        lines += [words(f"removed by: {by}", "dim")] if by else []
        lines.append(words(item.change, "cyan" if item.certain else ""))
        table.add_row(show_size(item.bytes), Text("\n").join(lines))
    if group.small:
        table.add_row(show_size(group.small), words("in small parts", "dim"))
    return table


def waste_lines(facts: ImageFacts) -> Iterable[tuple[str, list[tuple[str, str, str, str]]]]:
    """Yield the rows of tables in markup: size, what and where, the step, what to change."""
    if isinstance(facts.waste, Waste):
        for group in groups(facts.waste):
            yield (
                group.title,
                [
                    (
                        show_size(item.bytes),
                        f"{what(item)}: {layers_told(item)}; {places_told(item)}",
                        step_of(facts, item.removed_by if item.removed_by is not None else item.layer),
                        item.change,
                    )
                    for item in group.items
                ],
            )
