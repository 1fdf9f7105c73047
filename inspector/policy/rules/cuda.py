"""The CUDA version that torch was built for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import Written, text
from inspector.policy.torches import HOW, installing, where
from inspector.policy.values import RANGE_FORM, specifier
from inspector.policy.versions import within

HOST_DEPENDENT = "host-dependent"
WRONG = Advice(
    "CODE_BUG",
    "{dockerfile}: install torch for CUDA {wanted}: {change}{origin}",
    procedure="{dockerfile}: inject the CUDA {wanted} PyTorch source (look for `pytorch-cu`) before `uv sync`{origin}",
)


def stated_torch(written: Written) -> str:
    """Return what the role says of torch, as an error quotes it."""
    return f"torch = {written['torch']!r}" if written["torch"] else "no 'torch'"


def _range(text: str) -> str | None:
    if text == HOST_DEPENDENT:  # which `cuda-runtime` reads
        return None
    try:
        return specifier(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {HOST_DEPENDENT!r}") from None


def _consistent(written: Written, _cuda: str | None) -> None:
    if written["cuda"] is not None and written["torch"] != "cuda":
        sentence = f"contradicts the role's {stated_torch(written)}; a CUDA version needs torch = 'cuda'"
        raise written.location.error(sentence, "cuda")


_TOLD: dict[str, Any] = {
    "about": "The CUDA versions that torch was built for, as a range. Needs `torch = 'cuda'`. "
    "`host-dependent` is `cuda-runtime = 'host-dependent'`.",
    "unset": "Any CUDA version.",
    "form": {"anyOf": [RANGE_FORM, {"const": HOST_DEPENDENT}]},
}
CUDA = text("cuda", _range, f"a version range, as in '>=12.4,<14', or {HOST_DEPENDENT!r}", _consistent, **_TOLD)


def check_cuda(case: Case) -> Iterator[Finding]:
    """Check that the CUDA version that a CUDA build was made for lies in the role's range."""
    wanted, torch = case.role[CUDA], case.facts.torch
    if wanted is None or not torch.installed or torch.build != "cuda":
        return
    shown = Shown(wanted, torch.cuda or "not known")
    match within(torch.cuda, wanted):
        case "yes":
            yield case.passed(f"CUDA {torch.cuda} is {wanted}", shown)
        case "no":
            message, at = f"CUDA {torch.cuda} is not {wanted}", where(case, torch)
            yield case.found("fail", WRONG, message, shown, at, change=installing("cuda", wanted))
        case "unknown":
            yield case.unknown("which CUDA version torch was built for is not known", shown, HOW)


EXPLAINED = Explanation(
    proves="The CUDA version that torch was built for lies in the role's range.",
    unknown="torch is a CUDA build whose files do not state the version.",
    mend=(
        "Install torch from the index of the wanted CUDA version, such as `https://download.pytorch.org/whl/cu128`, "
        "or correct `cuda` in the role."
    ),
)
RULE = Rule(check="cuda", explanation=EXPLAINED, test=check_cuda, settings=(CUDA,), of_python=True)
