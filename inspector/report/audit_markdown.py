"""An audit in GitHub's Markdown: failures first, what is wrong told once, and what passes folded away."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.audited import AuditReport
from inspector.policy.model import EXCUSED
from inspector.policy.steps import readable
from inspector.report.markdown import MARKS, bullet, code, folded, joined, literal, prose, table, verdict
from inspector.report.overview import Part, Row, overview
from inspector.report.text import STEP, advice_of, excuse

_TITLES = ("Tags", "Role", "Torch", "Build", "Verdict", "Size")


def render_audit(report: AuditReport, *, only_failed: bool = False) -> str:
    """Return the audit repository by repository; `only_failed` leaves out the images that pass."""
    return joined(_lines(report, only_failed=only_failed))


def _lines(report: AuditReport, *, only_failed: bool) -> Iterator[str]:
    told = overview(report, only_failed=only_failed)
    yield f"## inspector: {told.headline}"
    if told.tally:
        yield from ("", told.tally)
    for part in told.parts:
        yield from folded(f"{code(part.repository)}: {part.totals}", _part(part), is_open=bool(part.rows))
    if told.without_role:
        yield from ("", f"- {MARKS['unknown']} {prose(told.without_role)}", f"  - advice: {prose(told.advice)}")
    if told.left:
        yield from ("", f"- note: {prose(told.left)}")


def _part(part: Part) -> Iterator[str]:
    if part.rows:
        yield from table(_TITLES, map(_cells, part.rows), right=(5,))
        yield ""
    for finding, images, named in part.problems:
        yield bullet(finding.outcome, finding.check, finding.message, finding.category)
        yield f"  - {images}: {literal(named)}"
        if finding.outcome in EXCUSED:
            yield f"  - {finding.outcome}: {prose(excuse(finding))}"
            continue
        if finding.evidence.created_by:
            yield f"  - step: {code(readable(finding.evidence.created_by, STEP))}"
        if finding.advice:
            yield f"  - advice: {prose(advice_of(finding))}"
    yield from (f"- {MARKS['pass']} {literal(one)}" for one in part.passed)
    if part.claimed:
        yield f"- note: {prose(part.claimed)}"


def _cells(row: Row) -> tuple[str, ...]:
    platform = f" ({row.platform})" if row.platform else ""
    told = (row.tags + platform, row.role, row.version, row.build)
    return (*map(literal, told), verdict(row.outcome), row.size)
