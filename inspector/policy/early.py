"""What a manifest and a config decide by themselves: failures that nothing in the layers could undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector.facts import ImageFacts
from inspector.policy.checks.basics import check_platform
from inspector.policy.checks.size import check_compressed_size
from inspector.policy.findings import Case
from inspector.policy.model import Finding, Result
from inspector.policy.role import Role

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (check_platform, check_compressed_size)
"""Checks that ask for nothing but the platform and the sizes of layers as stored."""


def judge_early(facts: ImageFacts, role: Role, *, image: str) -> Result | None:
    """The verdict where it is a failure already; None where it hangs on the layers, as every pass does.

    `facts` need know no more than manifest and config tell, which digests vouch for.
    """
    case = Case(facts, role, image)
    findings = tuple(finding for check in CHECKS for finding in check(case))
    if all(finding.outcome != "fail" for finding in findings):
        return None
    return Result(
        image=image, role=role.name, outcome="fail", findings=findings, facts=facts, description=role.description
    )
