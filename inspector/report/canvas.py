"""What the reports for people are drawn with: one console that writes to a string and reads no environment."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inspector.policy.model import FindingOutcome
from inspector.report.escape import cut, escape
from inspector.report.text import SYMBOLS

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
