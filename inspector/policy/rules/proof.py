"""What the answer about torch must rest on: the loader's rules, or files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding
from inspector.policy.rule import Rule
from inspector.policy.setting import choice
from inspector.policy.torches import NOT_CHECKED, UNPROVED

Wanted = Literal["files", "loader"]
_RESTS = {"files": "files alone", "loader": "the loader's rules", "runtime": "a run of the image"}


def _allowed() -> Sequence[str]:
    return ("files", "loader")


_TOLD: dict[str, Any] = {
    "about": "What answers about torch must rest on: `loader` accepts none where shared libraries were not checked.",
    "unset": "Answers from files alone pass, with a warning.",
}
PROOF = choice("proof", _allowed, cast("Wanted | None", None), **_TOLD)


def check_proof(case: Case) -> Iterator[Finding]:
    """Tell whether torch imports was decided by what the loader does; where there is no torch, files prove that."""
    if case.role[PROOF] != "loader":
        return
    proof = case.facts.evidence.proof
    shown = Shown(_RESTS["loader"], _RESTS[proof])
    if proof == "files" and case.facts.torch.installed:
        yield case.found("unknown", UNPROVED, NOT_CHECKED, shown)
    else:
        yield case.passed(f"the answer rests on {_RESTS[proof]}", shown)


RULE = Rule(
    check="proof", test=check_proof, settings=(PROOF,), layers="'proof' asks what the loader does with every library"
)
