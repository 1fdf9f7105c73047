"""Findings in GitLab's Code Quality format: what its merge request widget reads."""

from __future__ import annotations

from typing import Any

from inspector.escape import escape
from inspector.policy.audited import AuditReport
from inspector.policy.model import FindingOutcome, Report
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.document import encode
from inspector.report.issues import Issue, issues_of

_SEVERITIES: dict[FindingOutcome, str] = {"fail": "critical", "unknown": "major", "warn": "minor", "pass": "info"}


def render_check(report: Report | AuditReport, *, context: Context = NO_CONTEXT) -> str:
    """Render the findings that did not pass, as one array; empty where all is well."""
    return encode([_issue(each) for each in issues_of(report, context)])


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "description": escape(issue.title),
        "check_name": f"inspector/{escape(issue.finding.check)}",
        "fingerprint": issue.id,
        "severity": _SEVERITIES[issue.finding.outcome],
        "location": {"path": escape(issue.place.path), "lines": {"begin": issue.place.line}},
    }
