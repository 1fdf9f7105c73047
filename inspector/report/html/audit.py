"""An audit as a page: repository by repository, what is wrong told once, each image in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.audited import AuditReport
from inspector.report.audit import plan_told
from inspector.report.html.findings import card
from inspector.report.html.markup import Child, Markup, el, prose
from inspector.report.html.page import page
from inspector.report.html.parts import badge, section, table
from inspector.report.overview import Part, Row, overview

MAX_INDEX = 1_000
"""Repositories that the index names."""
_TITLES = ("Tags", "Role", "torch", "Build", "Verdict", "Size")


def render_audit(report: AuditReport, *, only_failed: bool = False) -> str:
    """Return the page; `only_failed` leaves out the images that pass."""
    told = overview(report, only_failed=only_failed)
    head = [
        el("p", "Audit of registries", class_="kicker"),
        el("div", el("h1", told.headline), badge(report.outcome) if report.outcome else None, class_="top"),
        el("p", told.tally) if told.tally else None,
        el("p", plan_told(report.plan), class_="dim"),
        el("p", told.left, class_="dim") if told.left else None,
        _index(told.parts) if len(told.parts) > 1 else None,
    ]
    rest = section("In no role", 2, el("p", prose(told.without_role)), el("p", prose(told.advice)))
    body = [_part(part, at) for at, part in enumerate(told.parts, 1)]
    title = f"inspector: {told.headline}"
    return page(title, el("section", head, class_="image"), body, rest if told.without_role else None)


def _index(parts: Sequence[Part]) -> Markup:
    rows: list[list[Child]] = [
        [el("a", part.repository, href=f"#repository-{at}"), part.totals, badge(part.worst)]
        for at, part in enumerate(parts[:MAX_INDEX], 1)
    ]
    if len(parts) > MAX_INDEX:
        rows.append([f"{len(parts) - MAX_INDEX:,} more", None, None])
    return table("Repositories, the worst first", ("Repository", "Images", "Worst"), rows, "index")


def _part(part: Part, at: int) -> Markup:
    return section(part.repository, 2, list(_content(part)), anchor=f"repository-{at}", lead=part.totals)


def _content(part: Part) -> Iterator[Child]:
    for finding, images, named in part.problems:
        yield card(finding, None, 3, el("p", el("strong", images), f": {named}"))
    if part.rows:
        yield table("Images that don't pass", _TITLES, map(_cells, part.rows), Role="spare", Size="num")
    if part.passed or part.claimed:
        told = [el("li", each) for each in part.passed]
        yield el("ul", told, el("li", part.claimed) if part.claimed else None)


def _cells(row: Row) -> Sequence[Child]:
    tags = [row.tags, el("small", row.platform) if row.platform else None]
    return [tags, row.role, row.version, row.build, badge(row.outcome), row.size]
