"""What is wrong, as CI services show it: each finding once for all images that have it, the worst first, and where.

Findings that passed are left out, and so are those that a waiver or a baseline covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from inspector.errors import UsageError
from inspector.escape import cut, escape
from inspector.policy.audited import Audited, AuditReport, as_result
from inspector.policy.identity import identity, repository_of
from inspector.policy.model import WORST_FIRST, Finding, Report, Result
from inspector.report.audit import left_told
from inspector.report.context import Context, Span
from inspector.report.text import as_finding, details
from inspector.words import count, first_few

LEFT_OUT = ("pass", "waived", "known")
"""Outcomes of findings that no CI service is told of: it would show them as open."""
MAX_IMAGES = 20
"""Images that one issue names."""
MAX_MERGED = 20
"""Messages that are shown of what is merged into one issue."""


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and the images that have it; `others` are findings that a service can't tell apart from it."""

    finding: Finding
    id: str
    images: tuple[str, ...]
    role: str | None
    span: Span | None
    others: tuple[Finding, ...] = ()

    @property
    def title(self) -> str:
        """Image, role, and what is wrong, in one sentence."""
        return f"{self.subject}: {cut(self.finding.message)}"

    @property
    def subject(self) -> str:
        """The images, or the first of them, and the role."""
        more = f" and {count(len(self.images) - 1, 'more image')}" if len(self.images) > 1 else ""
        return f"{self.images[0]}{more}" + (f" ({self.role})" if self.role and self.role != self.images[0] else "")

    @property
    def place(self) -> Span:
        """Where it is shown; of one that is in no file of the checkout, the repository's last part and the path."""
        last = repository_of(self.images[0]).rpartition("/")[2]
        parts = [last, *(self.finding.evidence.path or "").split("/")]
        return self.span or Span("/".join(part for part in parts if part not in ("", ".", "..")) or "image", 1, 1, 1)

    def lines(self) -> Iterator[str]:
        """Yield what is known besides of the title, a line each, unescaped."""
        if len(self.images) > 1:
            yield f"images: {first_few(self.images, MAX_IMAGES)}"
        for other in self.others[:MAX_MERGED]:
            yield f"also: {cut(other.message)}"
        if len(self.others) > MAX_MERGED:
            yield f"also: {len(self.others) - MAX_MERGED:,} more of {self.finding.check}"
        yield from (f"{label}: {cut(text)}" for label, text in details(self.finding))


def issues_of(report: Report | AuditReport, context: Context) -> list[Issue]:
    """List the issues of a report, the worst first; an audit that was cut short has one that says so.

    Raises `UsageError` for a mere plan, whose empty list would close what services show as open.
    """
    found: dict[str, Issue] = {}
    for result in _results(report):
        for finding in _findings(result):
            known = found.get(finding.id)
            if known is None:
                span = context.place(finding, result.dockerfile, result.role)
                found[finding.id] = Issue(
                    finding=finding, id=finding.id, images=(result.image,), role=result.role, span=span
                )
            else:
                found[finding.id] = _with_image(known, finding, result.image)
    return sorted(found.values(), key=_rank)


def merged(issues: Iterable[Issue]) -> list[Issue]:
    """Merge what lies on one line and has one check, which GitHub takes for the same alert."""
    found: dict[object, Issue] = {}
    for each in issues:
        key = (each.finding.check, each.span) if each.span is not None else each.id
        known = found.get(key)
        if known is None:
            found[key] = each
            continue
        images = tuple(dict.fromkeys((*known.images, *each.images)))
        others = (*known.others, each.finding, *each.others)
        found[key] = msgspec.structs.replace(known, images=images, others=others)
    return list(found.values())


def _with_image(issue: Issue, finding: Finding, image: str) -> Issue:
    worse = WORST_FIRST.index(finding.outcome) < WORST_FIRST.index(issue.finding.outcome)
    images = issue.images if image in issue.images else (*issue.images, image)
    return msgspec.structs.replace(issue, images=images, finding=finding if worse else issue.finding)


def _results(report: Report | AuditReport) -> Sequence[Result | Audited]:
    if isinstance(report, Report):
        return report.results
    if report.ended is None:
        raise UsageError("--plan checks nothing, so there is nothing to report in this format; leave --plan out")
    left = report.ended.left
    if not left.why:
        return report.results
    told = Finding(check="audit", outcome="unknown", message=left_told(left), id=identity("audit", None, "audit"))
    return (*report.results, Result(image="audit", role=None, outcome="unknown", findings=(told,), facts=None))


def _findings(result: Result | Audited) -> Iterator[Finding]:
    shown = as_result(result) if isinstance(result, Audited) else result
    told = [each for each in shown.findings if each.outcome not in LEFT_OUT and not getattr(each, "waived", None)]
    if shown.error is not None and not shown.findings:
        told = [as_finding(shown.error)]
    for each in told:
        own = each.id or identity(each.check, shown.role, shown.image, each.subject)
        yield each if each.id else msgspec.structs.replace(each, id=own)


def _rank(issue: Issue) -> tuple[int, str, str]:
    return WORST_FIRST.index(issue.finding.outcome), issue.finding.check, issue.id


def plain(text: str) -> str:
    """Return text of several lines with nothing in it but ink and line ends."""
    return "\n".join(map(escape, text.split("\n")))
