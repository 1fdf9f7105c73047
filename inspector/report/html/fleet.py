"""Images against the hosts of fleets as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.gpu.onhost import OnHost
from inspector.report.fleet import OUTCOMES, FleetMatrix, Matrix, Told, causes, cell, head, tally
from inspector.report.html.markup import Child, Markup, el, prose
from inspector.report.html.page import page
from inspector.report.html.parts import badge, mark, pairs, section, table
from inspector.report.html.show import errors_section

HOSTS = 5
"""Hosts of one table; those of a larger fleet are in several, one below another."""


def render_matrix(matrix: Matrix) -> str:
    """Return the page: a table for each fleet, then each cause with what to change."""
    title = "Images on GPU hosts"
    top = el("section", el("h1", title), class_="image")
    fleets = [list(_fleet(each)) for each in matrix.fleets]
    return page(f"inspector: {title}", top, errors_section(matrix.errors), fleets)


def _fleet(found: FleetMatrix) -> Iterator[Markup]:
    parts = range(0, len(found.hosts) if found.images else 0, HOSTS)
    tables = [_table(found, slice(at, at + HOSTS)) for at in parts]
    yield section(f"Fleet {found.fleet}", 2, tables, list(map(_cause, causes(found))), lead=tally(found))


def _table(found: FleetMatrix, part: slice) -> Markup:
    titles = ["Image", *(", ".join(head(host)) for host in found.hosts[part])]
    rows: list[Sequence[Child]] = [[image.name, *(_cell(each) for each in image.hosts[part])] for image in found.images]
    return table("Images on hosts", titles, rows, "matrix")


def _cell(found: OnHost) -> Markup:
    return badge(OUTCOMES[found.verdict], cell(found))


def _cause(told: Told) -> Markup:
    outcome = OUTCOMES[told.verdict]
    change = el("p", el("strong", "What to do: "), prose(told.change), class_="do") if told.change else None
    where = pairs([("where", told.where)], "terms")
    return el(
        "div",
        el("h3", mark(outcome), told.word),
        el("p", prose(told.reason)),
        change,
        where,
        class_=f"finding {outcome}",
    )
