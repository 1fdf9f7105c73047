"""Images against hosts for a job summary or a page, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.gpu.onhost import OnHost
from inspector.report.fleet import OUTCOMES, FleetMatrix, Matrix, causes, cell, head, tally
from inspector.report.markdown import MARKS, code, joined, literal, prose, table, unread


def render_matrix(matrix: Matrix) -> str:
    """Return a table for each fleet, then each cause with what to change, and why images could not be read."""
    return joined(_lines(matrix))


def _lines(matrix: Matrix) -> Iterator[str]:
    for at, found in enumerate(matrix.fleets):
        yield from ([""] if at else [])
        yield f"## inspector: fleet {literal(found.fleet)}, {literal(tally(found))}"
        if found.images:
            yield from ("", *_table(found))
        told = causes(found)
        yield from [""] if told else []
        for each in told:
            change = f"; change: {prose(each.change)}" if each.change else ""
            yield f"- {MARKS[OUTCOMES[each.verdict]]} **{literal(each.word)}**: {prose(each.reason)}{change}"
            yield f"  - where: {literal(each.where)}"
    yield from unread(matrix.errors)


def _table(found: FleetMatrix) -> Iterator[str]:
    heads = ["<br>".join(map(literal, head(host))) for host in found.hosts]
    rows = ((code(image.name), *map(_cell, image.hosts)) for image in found.images)
    return table(("Image", *heads), rows)


def _cell(found: OnHost) -> str:
    return f"{MARKS[OUTCOMES[found.verdict]]} {literal(cell(found))}"
