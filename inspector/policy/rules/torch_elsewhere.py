"""Torch where the asked `python` does not look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Advice, Finding, Outcome
from inspector.policy.rule import Rule
from inspector.policy.rules.torch import TORCH
from inspector.policy.setting import choice
from inspector.torchbuild.model import TorchElsewhere
from inspector.unknown import Unknown

Elsewhere = Literal["allow", "forbid"]
_ALLOW: Elsewhere = "allow"
ELSEWHERE = choice("torch-elsewhere", lambda: ("allow", "forbid"), _ALLOW)
LEFT_BEHIND = Advice(
    "CODE_BUG", "{dockerfile}: `python` does not use it, but it is shipped: leave it out of the image{origin}"
)


def check_elsewhere(case: Case) -> Iterator[Finding]:
    """Torch where the asked `python` does not look: forbidden, or worth a warning where none was wanted.

    Where nobody looked, that is no answer if it is forbidden; else the role demands nothing, and nothing is said
    here: the reports tell of every such answer that it is partial.
    """
    role, found = case.role, case.facts.torch_elsewhere
    outcome: Outcome = "fail" if role[ELSEWHERE] == "forbid" else "warn"
    if outcome == "warn" and role[TORCH] != "absent":
        return
    if isinstance(found, Unknown):
        if outcome == "fail":
            message = f"whether torch lies where `{role.python_command}` does not look: not looked at: {found.unknown}"
            yield case.found("unknown", NOT_LOOKED, message, Shown("nothing", "not looked at"))
        return
    for other in found:
        yield _elsewhere(case, other, outcome)
    if not found:
        yield case.passed("nothing of torch elsewhere", Shown("nothing", "nothing"))


def _elsewhere(case: Case, other: TorchElsewhere, outcome: Outcome) -> Finding:
    what = f"torch {other.version}" if other.version else "what is left of a torch"
    unseen = f"where `{case.role.python_command}` does not look: {other.why_not_importable}"
    at = case.at(other.layer, path=other.path, size=other.size)
    return case.found(outcome, LEFT_BEHIND, f"{what} lies in {other.path}, {unseen}", Shown("nothing", what), at)


RULE = Rule(
    check="torch-elsewhere",
    test=check_elsewhere,
    settings=(ELSEWHERE,),
    layers="torch-elsewhere = 'forbid' asks for every file",
)
