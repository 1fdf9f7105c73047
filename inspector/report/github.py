"""Findings as GitHub's workflow commands, which mark files in a pull request, and the job summary beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from inspector.escape import escape
from inspector.policy.audited import AuditReport
from inspector.policy.model import FindingOutcome, Report
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.formats import Command, View, render
from inspector.report.issues import Issue, issues_of, plain

MAX_OF_KIND = 10
"""Annotations of one kind that GitHub shows of a step, in the order of printing; the rest it drops."""
MAX_SUMMARY = 1_000_000
"""Bytes of a job summary; GitHub refuses one of more than 1,024 kB altogether."""
_Kind = Literal["error", "warning"]
_KINDS: dict[FindingOutcome, _Kind] = {"fail": "error", "unknown": "error", "warn": "warning", "pass": "warning"}
_DETAILS = ("image", "advice", "step", "also")


def render_check(report: Report | AuditReport, *, context: Context = NO_CONTEXT) -> str:
    """Render an annotation for each finding that did not pass, the worst first, within GitHub's limits."""
    issues = issues_of(report, context)
    kinds: tuple[_Kind, ...] = ("error", "warning")
    return "".join(
        f"{line}\n" for kind in kinds for line in _of_kind(kind, [one for one in issues if _kind(one) == kind])
    )


def summary(command: Command, report: Any, most: int = MAX_SUMMARY) -> str:
    """Return a command's report in Markdown for a job summary: of at most so many bytes, cut behind a line."""
    return cut_at_row(render(command, report, "markdown", View()), most)


def cut_at_row(text: str, most: int) -> str:
    """Return whole lines of at most so many bytes, and what is left out."""
    if len(text.encode()) <= most:
        return text
    told = "\n\n</details>\n\n**{:,} lines are left out here: GitHub shows no more; `--format json` has all.**\n"
    left = most - len(told.encode()) - 20
    kept: list[str] = []
    lines = text.splitlines(keepends=True)
    for line in lines:
        left -= len(line.encode())
        if left < 0:
            break
        kept.append(line)
    is_open = sum(line.startswith("<details") for line in kept) > sum(line.startswith("</details") for line in kept)
    told = told if is_open else told.replace("</details>\n\n", "")
    return "".join(kept) + told.format(len(lines) - len(kept))


def _kind(issue: Issue) -> _Kind:
    return _KINDS[issue.finding.outcome]


def _of_kind(kind: _Kind, issues: Sequence[Issue]) -> Iterator[str]:
    """Yield the annotations of one kind; where there are more than are shown, the last says how many."""
    shown = issues if len(issues) <= MAX_OF_KIND else issues[: MAX_OF_KIND - 1]
    yield from (_annotation(kind, each) for each in shown)
    if len(shown) < len(issues):
        yield _command(kind, {"title": "inspector"}, f"{len(issues) - len(shown):,} more in the job's summary")


def _annotation(kind: _Kind, issue: Issue) -> str:
    span = issue.span
    place = {"file": span.path, "line": str(span.line), "endLine": str(span.end_line)} if span else {}
    lines = [line for line in issue.lines() if line.startswith(_DETAILS)]
    text = "\n".join([issue.finding.message, *lines])
    return _command(kind, place | {"title": f"{issue.subject}: {issue.finding.check}"}, text)


def _command(kind: _Kind, properties: dict[str, str], text: str) -> str:
    """Return a command that nothing in its values ends, and that does nothing to who reads the log."""
    shown = ",".join(f"{name}={_escaped(escape(value), ',:')}" for name, value in properties.items())
    return f"::{kind} {shown}::{_escaped(plain(text))}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{more}" else char for char in text)
