"""An audit in GitHub's Markdown: failures first, what is wrong told once, and what passes folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.advice import ADVICE
from inspector.policy.audited import Audited, AuditReport
from inspector.policy.model import EXCUSED
from inspector.policy.steps import readable
from inspector.report.audit import (
    Part,
    claimed_told,
    left_of,
    left_told,
    named,
    outcome_of,
    parts_of,
    passed_told,
    span_told,
    torch_told,
    without_role_told,
)
from inspector.report.audit_table import problems
from inspector.report.markdown import MARKS, code, folded, literal, prose
from inspector.report.text import CATEGORIES, NOTHING, advice_of, count, excuse, headline, size, tally

_TITLES = ("Tags", "Role", "Torch", "Build", "Verdict", "Size")
_STEP = 400


def render_audit(report: AuditReport, *, only_failed: bool = False) -> str:
    """Repository by repository; `only_failed` leaves out the images that pass."""
    return "".join(f"{line}\n" for line in _lines(report, only_failed=only_failed))


def _lines(report: AuditReport, *, only_failed: bool) -> Iterator[str]:
    outcomes = [outcome_of(each) for each in report.results]
    yield f"## inspector: {headline(outcomes)}"
    if len(set(outcomes)) > 1:
        yield from ("", tally(outcomes))
    parts, without_role = parts_of(report, only_failed=only_failed)
    for part in parts:
        yield from folded(f"{code(part.repository)}: {part.totals}", _part(part), is_open=bool(part.rows))
    if without_role:
        yield ""
        yield f"- {MARKS['unknown']} {prose(without_role_told(without_role))}"
        yield f"  - advice: {prose(ADVICE['no-role'].text)}"
    if (left := left_of(report)).why:
        yield from ("", f"- note: {prose(left_told(left))}")


def _part(part: Part) -> Iterator[str]:
    if part.rows:
        yield f"| {' | '.join(_TITLES)} |"
        yield "| :-- | :-- | :-- | :-- | :-- | --: |"
        yield from (f"| {' | '.join(_cells(row))} |" for row in part.rows)
        yield ""
    for finding, images in problems(part.results):
        category = f" ({CATEGORIES[finding.category]})" if finding.category else ""
        yield f"- {MARKS[finding.outcome]} **{literal(finding.check)}**{category}: {prose(finding.message)}"
        yield f"  - {count(len(images), 'image')}: {literal(named(images))}"
        if finding.outcome in EXCUSED:
            yield f"  - {finding.outcome}: {prose(excuse(finding))}"
            continue
        if finding.evidence.created_by:
            yield f"  - step: {code(readable(finding.evidence.created_by, _STEP))}"
        if finding.advice:
            yield f"  - advice: {prose(advice_of(finding))}"
    yield from (f"- {MARKS['pass']} {literal(passed_told(one))}" for one in part.passed)
    if claimed := claimed_told(part.results):
        yield f"- note: {prose(claimed)}"


def _cells(alike: Sequence[Audited]) -> tuple[str, ...]:
    first = alike[0]
    version, build = torch_told(first.torch)
    outcome = outcome_of(first)
    platform = f" ({first.platform})" if first.platform else ""
    many = f"{count(len(alike), 'image')}: " if len(alike) > 1 else ""
    largest = max((each.size.uncompressed or 0 for each in alike if each.size), default=None)
    return (
        literal(many + span_told(alike) + platform),
        literal(first.role or NOTHING),
        literal(version),
        literal(build),
        f"{MARKS[outcome]} {outcome.upper()}" if outcome else NOTHING,
        NOTHING if largest is None else size(largest),
    )
