"""Findings as SARIF 2.1.0, in the form that GitHub code scanning shows well; other readers take the same.

One run, since GitHub refuses two of one tool and category. What passed is left out: GitHub ignores `suppressions` and
`kind`, and would show it as open.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from inspector.escape import cut, escape
from inspector.policy.audited import AuditReport
from inspector.policy.explained import explained
from inspector.policy.identity import identity
from inspector.policy.model import Finding, FindingOutcome, Report, exit_code
from inspector.policy.steps import readable
from inspector.report.context import NO_CONTEXT, Context, Span
from inspector.report.document import encode
from inspector.report.issues import Issue, issues_of, merged, plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5000
"""Results that GitHub keeps; of more, the worst are written, and one result says so."""
MAX_TEXT = 1024
"""Characters of a rule's descriptions."""
_ROOT = "%SRCROOT%"
_LEVELS: dict[FindingOutcome, str] = {"fail": "error", "unknown": "warning", "warn": "note", "pass": "none"}
_TOO_MANY = "too-many"


def render_check(report: Report | AuditReport, *, context: Context = NO_CONTEXT) -> str:
    """Render the findings of a check or an audit that did not pass."""
    issues = merged(issues_of(report, context))
    if len(issues) > MAX_RESULTS:
        issues = [*issues[: MAX_RESULTS - 1], _too_many(len(issues) - MAX_RESULTS + 1, context)]
    checks = list(dict.fromkeys(each.finding.check for each in issues))
    driver = {"name": "inspector", "semanticVersion": context.version, "version": context.version}
    outcome = report.outcome or "unknown"
    only = {
        "tool": {"driver": {**driver, "rules": [_rule(check) for check in checks]}},
        "automationDetails": {"id": _category(context)},
        "invocations": [{"executionSuccessful": True, "exitCode": exit_code(outcome)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, checks.index(each.finding.check), context) for each in issues],
    }
    return encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [only]})


def _category(context: Context) -> str:
    """Return the category, which must stay the same for alerts to close; GitHub takes what is before the last `/`."""
    category = context.category or context.policy
    return f"inspector/{escape(category).strip('/')}/" if category else "inspector/"


def _rule(check: str) -> dict[str, Any]:
    known = explained().get(check)
    name = "".join(part.capitalize() for part in check.replace("_", "-").split("-"))
    title = f"The check {check} did not pass"
    proves = known.proves if known else title
    mend = known.mend if known else "See the message and the advice of each finding."
    told = f"A pass proves: {proves} {mend}" + (f" See {known.page} in inspector's documentation." if known else "")
    return {
        "id": check,
        **({"name": name[:255]} if name.lower() != check.lower() else {}),
        "shortDescription": {"text": f"{title}."[:MAX_TEXT]},
        "fullDescription": {"text": proves[:MAX_TEXT]},
        "help": {"text": told, "markdown": told},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["container-image", check], "precision": "very-high", "problem.severity": "error"},
    }


def _result(issue: Issue, index: int, context: Context) -> dict[str, Any]:
    finding = issue.finding
    role = context.roles.get(issue.role) if issue.role else None
    title = _unlinked(escape(issue.title))
    title = title if title.endswith((".", "…")) else f"{title}."
    seen = " See [the role](1)." if role and role != issue.span else ""
    told = "\n".join([title + seen, *(_unlinked(plain(line)) for line in issue.lines())])
    prints = {"inspectorFinding/v1": issue.id}
    if issue.span is None:
        prints["primaryLocationLineHash"] = f"{issue.id}:1"
    related = [{"id": 1, "message": {"text": "the role"}, **_at(role)}] if seen and role else []
    return {
        "ruleId": finding.check,
        "ruleIndex": index,
        "level": _LEVELS[finding.outcome],
        "message": {"text": told},
        "locations": [{**_at(issue.place), "logicalLocations": [_logical(issue)]}],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": prints,
        "properties": _properties(issue),
    }


def _unlinked(text: str) -> str:
    """Return text in which no `[words](target)` is read as a link."""
    return text.replace("](", "] (")


def _at(span: Span) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": 1, "endLine": span.end_line, "endColumn": span.end_column}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.path), "uriBaseId": _ROOT}, "region": region}}


def _uri(path: str) -> str:
    """Return a relative path as a URI without a scheme, which GitHub would refuse with the whole file."""
    parts = (part for part in path.split("/") if part not in ("", ".", ".."))
    return "/".join(quote(part, safe="", errors="surrogatepass").replace("~", "%7E") for part in parts) or "image"


def _logical(issue: Issue) -> dict[str, str]:
    name = ":".join(part for part in (issue.images[0], issue.finding.evidence.path) if part)
    return {"fullyQualifiedName": escape(name), "kind": "resource"}


def _properties(issue: Issue) -> dict[str, Any]:
    finding, at = issue.finding, issue.finding.evidence
    values: dict[str, Any] = {
        "images": [escape(each) for each in issue.images],
        "role": issue.role,
        "outcome": finding.outcome,
        "category": finding.category,
        "subject": finding.subject,
        "expected": finding.expected,
        "actual": finding.actual,
        "advice": finding.advice,
        "layer": at.layer,
        "createdBy": readable(at.created_by),
        "bytes": at.bytes,
        "page": finding.page,
    }
    return {name: _shown(value) for name, value in values.items() if value not in (None, "")}


def _shown(value: Any) -> Any:
    return escape(cut(value)) if isinstance(value, str) else value


def _too_many(number: int, context: Context) -> Issue:
    told = f"{number:,} more results are left out, as GitHub keeps {MAX_RESULTS:,}; `--format json` has all"
    finding = Finding(check=_TOO_MANY, outcome="unknown", message=told)
    span = next(iter(context.roles.values()), None)
    return Issue(finding=finding, id=identity(_TOO_MANY, None, ""), images=("inspector",), role=None, span=span)
