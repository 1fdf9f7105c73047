"""Verdicts as predicates of in-toto attestations, which cosign signs: a Simple Verification Result, or a test result.

Only the predicate is written; the statement around it names the image by its manifest's digest.
"""

from __future__ import annotations

import re
from typing import Any

from inspector.errors import InspectorError, UsageError
from inspector.escape import escape
from inspector.policy.model import Report, Result
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.document import encode

VERIFIER = "https://inspector.invalid/v1"
"""Our name as a verifier: a name, and nothing lies there."""
_WORD = re.compile(r"[^A-Za-z0-9._-]+")


class NotPassed(InspectorError):
    """An image that fails, of which no verification result can be written; it exits as the check does."""

    exit_code = 1


def render_svr(report: Report, *, context: Context = NO_CONTEXT) -> str:
    """Render what passed of one image. Raises as `_attestable`, and `NotPassed` for an image that fails."""
    result = _attestable(report, "svr", context)
    if result.outcome == "fail":
        sentence = f"{result.image}: the check failed, and a verification result says only what passed"
        raise NotPassed(f"{sentence}; `--format test-result` holds failures too")
    policy = _policy(context)
    verifier: dict[str, Any] = {"id": VERIFIER, "version": context.version, **({"policy": policy} if policy else {})}
    return encode({"verifier": verifier, "timeCreated": context.time, "properties": _properties(result)})


def render_test_result(report: Report, *, context: Context = NO_CONTEXT) -> str:
    """Render the outcome of each check of one image. Raises as `_attestable`."""
    result = _attestable(report, "test-result", context)
    policy = _policy(context)
    words = {"pass": "PASSED", "warn": "WARNED", "fail": "FAILED"}
    return encode(
        {
            "result": words[result.outcome],
            "configuration": [{"name": policy["uri"], **policy}] if policy else [],
            "passedTests": _tests(result, "pass"),
            "warnedTests": _tests(result, "warn"),
            "failedTests": _tests(result, "fail"),
        }
    )


def _attestable(report: Report, form: str, run: Context) -> Result:
    """Return the one result, of which everything is known, and which its manifest's digest names.

    Raises `UsageError` where the report is not of one image, checks were left out, or its digest is not known;
    `InspectorError` for doubts.
    """
    if len(report.results) != 1:
        raise UsageError(f"--format {form} is about one image in one role; {len(report.results)} were checked")
    if run.selected:
        raise UsageError(f"--format {form}: --select and --ignore leave checks out, so nothing is attested of the role")
    (result,) = report.results
    doubts = [each.message for each in result.findings if each.outcome == "unknown"]
    if result.outcome == "unknown" or doubts or result.facts is None:
        why = doubts[0] if doubts else result.error.message if result.error else "nothing is known of it"
        raise InspectorError(f"{result.image}: nothing is attested where something is unknown: {why}")
    if result.facts.manifest_digest is None:
        sentence = f"{result.image}: the digest of its manifest is not known, which an attestation names it by"
        raise UsageError(f"{sentence}; check it where it was pushed: registry:NAME")
    if not result.facts.evidence.digests_verified:
        sentence = f"{result.image}: the digests of its layers were not verified"
        raise InspectorError(f"{sentence}; --verify reads every layer whole")
    return result


def _policy(run: Context) -> dict[str, Any] | None:
    if run.policy is None or run.policy_digest is None:
        return None
    return {"uri": escape(run.policy), "digest": {"sha256": run.policy_digest}}


def _properties(result: Result) -> list[str]:
    """List what passed, each with our prefix."""
    facts = result.facts
    assert facts is not None
    found = [f"ROLE_{result.role}"] if result.role else []
    found += ["DIGESTS_VERIFIED"]
    found += [f"TORCH_BUILD_{facts.torch.build}"] if facts.torch.installed else ["TORCH_ABSENT"]
    found += [f"CHECK_{check}" for check in _passed(result)]
    return [f"INSPECTOR_{_WORD.sub('_', each)}" for each in found]


def _passed(result: Result) -> list[str]:
    """List the checks of which every finding passed."""
    failed = {each.check for each in result.findings if each.outcome != "pass"}
    return [check for check in dict.fromkeys(each.check for each in result.findings) if check not in failed]


def _tests(result: Result, outcome: str) -> list[str]:
    return [
        escape(f"{each.check}: {each.subject}" if each.subject else each.check)
        for each in result.findings
        if each.outcome == outcome
    ]
