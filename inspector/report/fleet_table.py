"""Images against hosts as a person reads them: a table, or several where it is too wide, then each cause once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.gpu.onhost import OnHost
from inspector.report.canvas import STYLES, columns, draw, indented, labelled, sentence, words
from inspector.report.fleet import OUTCOMES, FleetMatrix, Matrix, causes, cell, head, tally
from inspector.report.text import SYMBOLS

_GAP = 2


def render_matrix(matrix: Matrix, *, width: int = 120, color: bool = False) -> str:
    """Return a table for each fleet, and below it why what fails does; in lines of at most `width` cells."""
    return draw(_parts(matrix, width), width=width, color=color)


def _parts(matrix: Matrix, width: int) -> Iterator[RenderableType]:
    for at, found in enumerate(matrix.fleets):
        yield from ([""] if at else [])
        yield Text.assemble(words(f"fleet {found.fleet}", "bold underline"), (f"  {tally(found)}", "dim"))
        for hosts in _fitting(found, width) if found.images else ():
            yield ""
            yield _table(found, hosts)
        for told in causes(found):
            yield ""
            yield sentence(OUTCOMES[told.verdict], told.word, told.reason)
            pairs = [("where", words(told.where))] + ([("change", words(told.change, "cyan"))] if told.change else [])
            yield indented(labelled(pairs), 2)


def _fitting(found: FleetMatrix, width: int) -> Iterator[Sequence[int]]:
    """Part the hosts so that each table fits the width; at least one is in each."""
    left = width - max(len(image.name) for image in found.images)
    parts: list[int] = []
    room = left
    for at, host in enumerate(found.hosts):
        cells = [cell(image.hosts[at]) for image in found.images]
        wide = _GAP + max(*map(len, head(host)), *(len(each) + 2 for each in cells))
        if parts and wide > room:
            yield parts
            parts, room = [], left
        parts.append(at)
        room -= wide
    yield parts


def _table(found: FleetMatrix, hosts: Sequence[int]) -> Table:
    grid = columns(1 + len(hosts))
    lines = list(zip(*(head(found.hosts[at]) for at in hosts), strict=True))
    for line, style in zip(lines, ("bold", "", "dim"), strict=True):
        grid.add_row(Text(), *(words(each, style) for each in line))
    for image in found.images:
        grid.add_row(words(image.name), *(_cell(image.hosts[at]) for at in hosts))
    return grid


def _cell(found: OnHost) -> Text:
    outcome = OUTCOMES[found.verdict]
    return Text.assemble((SYMBOLS[outcome], f"bold {STYLES[outcome]}"), " ", words(cell(found), STYLES[outcome]))
