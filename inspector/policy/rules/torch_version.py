"""The version that torch states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.policy.findings import Case, Shown, because
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.torch import BROKEN, TORCH
from inspector.policy.setting import Written, text
from inspector.policy.torches import HOW, told_once, where
from inspector.policy.values import RANGE_FORM, specifier
from inspector.policy.versions import public_of, within

WRONG = Advice(
    "CODE_BUG",
    "{dockerfile}: pin torch to {wanted}: {change}{origin}",
    procedure="{dockerfile}: lock torch to {wanted}{origin}",
)
MIXED = Advice(
    "CODE_BUG", "{dockerfile}: two releases of torch lie over each other: install one, into a clean place{origin}"
)


def _consistent(written: Written, _range: str | None) -> None:
    torch = written["torch"]
    if written["torch-version"] is not None and torch in (None, "absent"):
        stated = "contradicts torch = 'absent'" if torch else "needs 'torch' to be stated, as in torch = 'present'"
        raise written.location.error(stated, "torch-version")


_TOLD: dict[str, Any] = {
    "about": "The versions of torch that are right, as a range (PEP 440). Needs `torch`, other than `absent`.",
    "unset": "Any valid version.",
    "form": RANGE_FORM,
}
TORCH_VERSION = text("torch-version", specifier, "a version range, as in '>=2.3,<3'", _consistent, **_TOLD)


def check_version(case: Case) -> Iterator[Finding]:
    """Check that torch/version.py states a valid version, in the role's range and of one release with the metadata."""
    torch, wanted = case.facts.torch, case.role[TORCH_VERSION]
    if case.role[TORCH] in (None, "absent") or not torch.installed:
        return
    shown = Shown(wanted or "a valid version", torch.version or "none")
    version = public_of(torch.version)
    if version is None:
        yield _invalid(case, shown)
        return
    if wanted is not None and within(torch.version, wanted) != "yes":
        message, at = f"torch {torch.version} is not {wanted}", where(case, torch)
        yield case.found("fail", WRONG, message, shown, at, change=lambda tool: tool.adding(f"torch{wanted}"))
    else:
        yield case.passed(f"version {torch.version} is valid", shown)
    metadata = public_of(torch.distribution_version)
    if metadata not in (None, version):
        message = f"the metadata says torch {torch.distribution_version}, torch/version.py says {torch.version}"
        one = Shown("one release", f"{torch.distribution_version} and {torch.version}")
        yield case.found("warn", MIXED, message, one, where(case, torch))


def _invalid(case: Case, shown: Shown) -> Finding:
    torch = case.facts.torch
    if not torch.version and torch.importable == "unknown":
        return case.unknown(f"torch's version can't be told{because(torch.reasons)}", shown, HOW)
    stated = f"{torch.version!r} is no valid version" if torch.version else "it states no version"
    message = f"partial torch install: {stated}{because(told_once(torch))}"
    return case.found("fail", BROKEN, message, shown, where(case, torch))


EXPLAINED = Explanation(
    proves="torch states a valid version, in the role's range, which agrees with its package metadata.",
    unknown="torch/version.py could not be read.",
    mend=(
        "Pin torch to the range, or correct `torch-version`. Where code and metadata differ, two installs overlap: "
        "start from an empty environment."
    ),
)
RULE = Rule(check="torch-version", explanation=EXPLAINED, test=check_version, settings=(TORCH_VERSION,), of_python=True)
