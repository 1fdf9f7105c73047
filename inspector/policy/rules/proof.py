"""What the answer about torch must rest on: the loader's rules, or files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding
from inspector.policy.rule import Explanation, Rule
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


EXPLAINED = Explanation(
    proves="Whether torch imports was decided by what the loader does with every library.",
    unknown=(
        "Only files were looked at, as by the access method `files`, or the loader of the image's platform is not "
        "modelled."
    ),
    mend="Let every layer be read: `--access save`, or read an archive or a registry's image.",
)
RULE = Rule(
    check="proof",
    explanation=EXPLAINED,
    test=check_proof,
    settings=(PROOF,),
    layers="'proof' asks what the loader does with every library",
)
