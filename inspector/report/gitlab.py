"""Findings in GitLab's Code Quality format: what its merge request widget reads."""

from __future__ import annotations

from typing import Any

from inspector.policy.audited import AuditReport
from inspector.policy.identity import repository_of
from inspector.policy.model import FindingOutcome, Report
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.document import encode
from inspector.report.escape import escape
from inspector.report.issues import Issue, issues_of

_SEVERITIES: dict[FindingOutcome, str] = {"fail": "critical", "unknown": "major", "warn": "minor", "pass": "info"}


def render_check(report: Report | AuditReport, *, context: Context | None = None) -> str:
    """Render the findings that did not pass, as one array; empty where all is well."""
    return encode([_issue(each) for each in issues_of(report, context or NO_CONTEXT)])


def _issue(issue: Issue) -> dict[str, Any]:
    path = issue.span.path if issue.span else _named(issue)
    return {
        "description": escape(issue.title),
        "check_name": f"inspector/{escape(issue.finding.check)}",
        "fingerprint": issue.id,
        "severity": _SEVERITIES[issue.finding.outcome],
        "location": {"path": escape(path), "lines": {"begin": issue.span.line if issue.span else 1}},
    }


def _named(issue: Issue) -> str:
    """Return a relative path in no file of the checkout: the repository's last part, and the path in the image."""
    parts = [repository_of(issue.images[0]).rpartition("/")[2], *(issue.finding.evidence.path or "").split("/")]
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "image"
