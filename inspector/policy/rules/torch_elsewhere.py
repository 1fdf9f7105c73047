"""Torch where the asked `python` does not look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Advice, Finding, Outcome
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.torch import TORCH
from inspector.policy.setting import choice
from inspector.torchbuild.model import TorchElsewhere
from inspector.unknown import Absent, Unknown

Elsewhere = Literal["allow", "forbid"]
_TOLD: dict[str, Any] = {
    "about": "Whether a torch may lie where the asked Python does not look.",
    "unset": "Where `torch = 'absent'`, one is warned of, and fails if the image's own command can reach it.",
}
ELSEWHERE = choice("torch-elsewhere", lambda: ("allow", "forbid"), cast("Elsewhere | None", None), **_TOLD)
LEFT_BEHIND = Advice(
    "CODE_BUG", "{dockerfile}: `python` does not use it, but it is shipped: leave it out of the image{origin}"
)
REACHED = Advice("CODE_BUG", "{dockerfile}: leave it out of the environment that the image's own command uses{origin}")


def check_elsewhere(case: Case) -> Iterator[Finding]:
    """Torch where the asked `python` does not look: forbidden, or where none was wanted a failure if a program of
    the image's own command could reach it, else a warning.

    Where nobody looked, that is no answer if it is forbidden; else the role demands nothing, and nothing is said
    here: the reports tell of every such answer that it is partial.
    """
    role, found = case.role, case.facts.torch_elsewhere
    forbidden = role[ELSEWHERE] == "forbid"
    if not forbidden and role[TORCH] != "absent":
        return
    if isinstance(found, Unknown):
        if forbidden:
            message = f"whether torch lies where `{role.python_command}` does not look: not looked at: {found.unknown}"
            yield case.found("unknown", NOT_LOOKED, message, Shown("nothing", "not looked at"))
        elif _may_reach(case):
            message = f"whether the image's own command reaches a torch is not known: not looked at: {found.unknown}"
            yield case.found("unknown", NOT_LOOKED, message, Shown("nothing", "not looked at"))
        return
    for other in found:
        yield _elsewhere(case.about(other.path), other)
    if not found:
        yield case.passed("nothing of torch elsewhere", Shown("nothing", "nothing"))


def _may_reach(case: Case) -> bool:
    """Tell whether it matters that nobody looked: what the image's own command runs can't be told."""
    unknown = case.facts.command.interpreter
    return case.role[ELSEWHERE] is None and isinstance(unknown, Unknown) and not isinstance(unknown, Absent)


def _elsewhere(case: Case, other: TorchElsewhere) -> Finding:
    what = f"torch {other.version}" if other.version else "what is left of a torch"
    unseen = f"where `{case.role.python_command}` does not look: {other.why_not_importable}"
    at = case.at(other.layer, path=other.path, size=other.size)
    outcome: Outcome = "fail" if case.role[ELSEWHERE] == "forbid" else "warn"
    advice, message = LEFT_BEHIND, f"{what} lies in {other.path}, {unseen}"
    if outcome == "warn" and case.role[ELSEWHERE] is None:
        command = case.facts.command
        if other.path in command.reaches:
            outcome, advice = "fail", REACHED
            message += f"; the image's own command ({' '.join(command.argv)[:100]}) can reach it"
        elif isinstance(command.interpreter, Unknown) and other.path.endswith("/torch"):
            message += f"; whether the image's own command reaches it is not known: {command.interpreter.unknown}"
            return case.unknown(message, Shown("nothing", what), "run the image's own command by hand")
    return case.found(outcome, advice, message, Shown("nothing", what), at)


EXPLAINED = Explanation(
    proves="No torch lies in the image where the checked Python does not look.",
    unknown="Not every file was looked at, or it is not known whether the image's own command reaches the place.",
    mend=(
        "Leave it out of the image: it often comes from a second virtual environment, or from a builder stage that "
        "was copied whole. `--access save` has every file looked at."
    ),
)
RULE = Rule(
    check="torch-elsewhere",
    explanation=EXPLAINED,
    test=check_elsewhere,
    settings=(ELSEWHERE,),
    layers="torch-elsewhere = 'forbid' asks for every file",
)
