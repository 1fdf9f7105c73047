"""What the reports for people are drawn with: one console that writes to a string and reads no environment."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inspector.escape import cut, escape
from inspector.policy.model import Category, FindingOutcome
from inspector.report.text import CATEGORIES, SYMBOLS

STYLES: dict[FindingOutcome, str] = {
    "pass": "green",
    "warn": "yellow",
    "unknown": "magenta",
    "fail": "red",
    "waived": "blue",
    "known": "blue",
}
NARROWEST = 40
"""Cells below which nothing more is squeezed; a terminal that has fewer breaks lines itself."""


def draw(parts: Iterable[RenderableType], *, width: int, color: bool) -> str:
    """Return the parts, one below another, in lines of at most `width` cells; escape sequences only with `color`."""
    console = Console(
        file=io.StringIO(),
        width=max(width, NARROWEST),
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().split("\n")[:-1])


def draw_each(images: Iterable[Iterable[RenderableType]], *, width: int, color: bool) -> str:
    """Return the parts of images, a line apart; as `draw`."""
    parts = [part for image in images for part in ("", *image)]
    return draw(parts[1:], width=width, color=color)


def words(text: str, style: str = "") -> Text:
    """Return `text` from an image or about it, escaped and cut; a word longer than the line breaks at its end."""
    return Text(escape(cut(text)), style=style, overflow="fold")


def symbol(outcome: FindingOutcome) -> Text:
    """Return the mark of an outcome, in its colour."""
    return Text(SYMBOLS[outcome], style=f"bold {STYLES[outcome]}")


def indented(part: RenderableType, by: int) -> Padding:
    """Return the part, moved to the right."""
    return Padding(part, (0, 0, 0, by))


def labelled(pairs: Iterable[tuple[str, Text]], *, label_width: int = 8) -> Table:
    """Return names with their values beside them; values wrap in their own column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=label_width, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(label, value)
    return grid


def columns(number: int, *, right: Collection[int] = ()) -> Table:
    """Return a table without lines of so many columns; those at `right` hold numbers, which never wrap."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for at in range(number):
        grid.add_column(justify="right" if at in right else "left", no_wrap=at in right, overflow="fold")
    return grid


def hanging(mark: Text, part: RenderableType) -> Table:
    """Return the part with a mark before its first line."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=mark.cell_len, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, part)
    return grid


def headed(titles: Collection[str], rows: Iterable[Iterable[Text]], whole: Collection[str]) -> Table:
    """Return a table below its titles. Columns of those that are `whole` never wrap; sizes stand at the right."""
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", border_style="dim"
    )
    for title in titles:
        justify = "right" if title == "Size" else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=title in whole)  # type: ignore[arg-type]  # one of rich's words
    for row in rows:
        table.add_row(*row)
    return table


def sentence(
    outcome: FindingOutcome, check: str, message: str, *below: Text, category: Category | None = None
) -> Table:
    """Return what a check says behind its mark, with further lines below it."""
    told = Text.assemble(words(check, f"bold {STYLES[outcome]}"), ": ", words(message))
    if category:
        told.append(f"  [{CATEGORIES[category]}]", style="dim")
    return hanging(symbol(outcome), Text("\n").join([told, *below]))


def note(text: str, label: str = "note:") -> Table:
    """Return a sentence that is to be known besides."""
    return hanging(Text(label, style="bold dim"), words(text, "dim"))
