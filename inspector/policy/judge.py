"""Facts held against a role: all findings, and the outcome that they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector.facts import ImageFacts
from inspector.policy.checks.basics import check_evidence, check_platform, check_python, check_startup
from inspector.policy.checks.packages import check_forbidden, check_python_version, check_required
from inspector.policy.checks.size import check_compressed_size, check_size
from inspector.policy.checks.torch import (
    check_build,
    check_cuda,
    check_cuda_runtime,
    check_elsewhere,
    check_torch,
    check_version,
)
from inspector.policy.findings import Case
from inspector.policy.match import shown_name
from inspector.policy.model import Finding, Outcome, Result, worst
from inspector.policy.role import Role

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    check_evidence,
    check_platform,
    check_startup,
    check_python,
    check_python_version,
    check_torch,
    check_build,
    check_version,
    check_cuda,
    check_cuda_runtime,
    check_elsewhere,
    check_required,
    check_forbidden,
    check_size,
    check_compressed_size,
)


def judge(facts: ImageFacts, role: Role, *, image: str | None = None) -> Result:
    """The verdict on one image in one role. `image` is the name that it is judged under, else its first tag."""
    name = image or shown_name(facts.reference, facts.tags)
    case = Case(facts, role, name)
    findings = tuple(finding for check in CHECKS for finding in check(case))
    return Result(
        image=name,
        role=role.name,
        outcome=outcome_of(findings),
        findings=findings,
        facts=facts,
        description=role.description,
    )


def outcome_of(findings: tuple[Finding, ...]) -> Outcome:
    """The worst of all; but without evidence there is no verdict at all, not even a bad one."""
    if any(finding.check == "evidence" and finding.outcome != "pass" for finding in findings):
        return "unknown"
    return worst(finding.outcome for finding in findings)
