"""An audit as a page: repository by repository, what is wrong told once, each image in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.advice import ADVICE
from inspector.policy.audited import Audited, AuditReport
from inspector.policy.model import Finding, Outcome, worst
from inspector.report.audit import (
    Part,
    claimed_told,
    left_of,
    left_told,
    named,
    outcome_of,
    parts_of,
    passed_told,
    plan_told,
    span_told,
    torch_told,
    without_role_told,
)
from inspector.report.audit_table import problems
from inspector.report.html.findings import card
from inspector.report.html.markup import Child, Markup, el, prose
from inspector.report.html.page import page
from inspector.report.html.parts import Column, badge, section, table
from inspector.report.text import NOTHING, count, headline, size, tally

MAX_INDEX = 1_000
"""Repositories that the index names."""


def render_audit(report: AuditReport, *, only_failed: bool = False) -> str:
    """Return the page; `only_failed` leaves out the images that pass."""
    outcomes = [outcome_of(each) for each in report.results]
    parts, without_role = parts_of(report, only_failed=only_failed)
    lead = tally(outcomes) if len(set(outcomes)) > 1 else None
    head = [
        el("p", "Audit of registries", class_="kicker"),
        el("div", el("h1", headline(outcomes)), badge(report.outcome) if report.outcome else None, class_="top"),
        el("p", lead) if lead else None,
        el("p", plan_told(report.plan), class_="dim"),
        el("p", left_told(left), class_="dim") if (left := left_of(report)).why else None,
        _index(parts) if len(parts) > 1 else None,
    ]
    rest = section(
        "In no role", 2, el("p", prose(without_role_told(without_role))), el("p", prose(ADVICE["no-role"].text))
    )
    body = [_part(part, at) for at, part in enumerate(parts, 1)]
    title = f"inspector: {headline(outcomes)}"
    return page(title, el("section", head, class_="image"), body, rest if without_role else None)


def _index(parts: Sequence[Part]) -> Markup:
    columns = (Column("Repository"), Column("Images"), Column("Worst"))
    rows: list[list[Child]] = [
        [el("a", part.repository, href=f"#repository-{at}"), part.totals, badge(_worst(part))]
        for at, part in enumerate(parts[:MAX_INDEX], 1)
    ]
    if len(parts) > MAX_INDEX:
        rows.append([f"{len(parts) - MAX_INDEX:,} more", None, None])
    return table("Repositories, the worst first", columns, rows, "index")


def _worst(part: Part) -> Outcome | None:
    return worst(found) if (found := [outcome for each in part.results if (outcome := outcome_of(each))]) else None


def _part(part: Part, at: int) -> Markup:
    return section(part.repository, 2, list(_content(part)), anchor=f"repository-{at}", lead=part.totals)


def _content(part: Part) -> Iterator[Child]:
    for finding, images in problems(part.results):
        yield _problem(finding, images)
    if part.rows:
        yield _rows(part.rows)
    if part.passed or (claimed := claimed_told(part.results)):
        claimed = claimed_told(part.results)
        told = [el("li", passed_told(group)) for group in part.passed]
        yield el("ul", told, el("li", claimed) if claimed else None)


def _problem(finding: Finding, images: Sequence[Audited]) -> Markup:
    who = el("p", el("strong", count(len(images), "image")), f": {named(images)}")
    return card(finding, None, 3, who)


def _rows(rows: Sequence[Sequence[Audited]]) -> Markup:
    columns = (
        Column("Tags"),
        Column("Role", "spare"),
        Column("torch"),
        Column("Build"),
        Column("Verdict"),
        Column("Size", "num"),
    )
    return table("Images that don't pass", columns, map(_cells, rows))


def _cells(alike: Sequence[Audited]) -> Sequence[Child]:
    first = alike[0]
    version, build = torch_told(first.torch)
    many = f"{count(len(alike), 'image')}: " if len(alike) > 1 else ""
    largest = max((each.size.uncompressed or 0 for each in alike if each.size), default=None)
    return [
        [f"{many}{span_told(alike)}", el("small", str(first.platform)) if first.platform else None],
        first.role or NOTHING,
        version,
        build,
        badge(outcome_of(first)),
        NOTHING if largest is None else size(largest),
    ]
