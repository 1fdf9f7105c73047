"""Facts held against a role: all findings, and the outcome that they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector.facts import ImageFacts
from inspector.policy.checks.agreement import check_agreement, check_ran
from inspector.policy.checks.basics import check_evidence, check_platform, check_python, check_startup
from inspector.policy.checks.packages import check_forbidden, check_python_version, check_required
from inspector.policy.checks.runtime import check_cuda_runtime, check_gpu_architecture
from inspector.policy.checks.size import check_compressed_size, check_size
from inspector.policy.checks.torch import (
    check_build,
    check_cuda,
    check_elsewhere,
    check_torch,
    check_version,
)
from inspector.policy.findings import Case
from inspector.policy.match import shown_name
from inspector.policy.model import Finding, Outcome, Result, worst
from inspector.policy.role import Role

RUN_CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    check_cuda_runtime,
    check_gpu_architecture,
    check_agreement,
)
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
    *RUN_CHECKS,
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


def judge_run(facts: ImageFacts) -> Result:
    """The verdict on a run alone, in no role: it agrees with the files, and a CUDA build finds a GPU and computes."""
    run = facts.runtime
    cuda = facts.torch.build == "cuda" or (run is not None and run.cuda is not None)
    role = Role(name="", cuda_runtime="demand" if cuda else None)
    name = shown_name(facts.reference, facts.tags)
    case = Case(facts, role, name)
    findings = tuple(finding for check in (check_ran, *RUN_CHECKS) for finding in check(case))
    outcome = worst(finding.outcome for finding in findings)
    return Result(image=name, role=None, outcome=outcome, findings=findings, facts=facts)


def outcome_of(findings: tuple[Finding, ...]) -> Outcome:
    """The worst of all; but without evidence there is no verdict at all, not even a bad one."""
    if any(finding.check == "evidence" and finding.outcome != "pass" for finding in findings):
        return "unknown"
    return worst(finding.outcome for finding in findings)
