"""An audit in GitHub's Markdown: for each repository a table, then what is wrong, each thing told once."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.audited import Audited, AuditReport
from inspector.report.audit import by_repository, claimed_told, left_of, left_told, named, tags_told
from inspector.report.audit_table import problems, torch_told
from inspector.report.markdown import MARKS, code, literal, prose
from inspector.report.text import NOTHING, count, size

_TITLES = ("Tags", "Role", "Torch", "Build", "Verdict", "Size")


def render_audit(report: AuditReport, *, only_failed: bool = False) -> str:
    """Repository by repository; `only_failed` leaves out the images that pass."""
    return "".join(f"{line}\n" for line in _lines(report, only_failed=only_failed))


def _lines(report: AuditReport, *, only_failed: bool) -> Iterator[str]:
    for repository, results in by_repository(report.results).items():
        shown = [each for each in results if not only_failed or each.outcome not in ("pass", None) or each.error]
        yield f"### {code(repository)}: {count(len(results), 'image')}"
        yield ""
        if shown:
            yield f"| {' | '.join(_TITLES)} |"
            yield "| :-- | :-- | :-- | :-- | :-- | --: |"
            yield from (f"| {' | '.join(_cells(each))} |" for each in shown)
            yield ""
        for finding, images in problems(results):
            category = f" ({literal(finding.category)})" if finding.category else ""
            yield f"- {MARKS[finding.outcome]} **{literal(finding.check)}**{category}: {prose(finding.message)}"
            yield f"  - {count(len(images), 'image')}: {literal(named(images))}"
            if finding.advice:
                yield f"  - advice: {prose(finding.advice)}"
        if claimed := claimed_told(results):
            yield f"- note: {prose(claimed)}"
        yield ""
    if (left := left_of(report)).why:
        yield f"- note: {prose(left_told(left))}"


def _cells(audited: Audited) -> tuple[str, ...]:
    version, build = torch_told(audited.torch)
    outcome = audited.outcome or ("unknown" if audited.error else None)
    platform = f" ({audited.platform})" if audited.platform else ""
    return (
        literal(tags_told(audited) + platform),
        literal(audited.role or NOTHING),
        literal(version),
        literal(build),
        f"{MARKS[outcome]} {outcome.upper()}" if outcome else NOTHING,
        size(audited.size.uncompressed) if audited.size else NOTHING,
    )
