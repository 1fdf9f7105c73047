"""The kind of torch's build."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.findings import Case, Shown, because
from inspector.policy.model import Advice, Finding
from inspector.policy.role import ANY_BUILD
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.cuda import CUDA
from inspector.policy.rules.torch import TORCH
from inspector.policy.torches import HOW, installing, label, told_once, where
from inspector.torchbuild.kinds import label_of
from inspector.torchbuild.model import build_name

CUDA_IN_CPU = Advice(
    "CODE_BUG",
    "{dockerfile}: install the CPU build: {change}{origin}",
    procedure="{dockerfile}: inject the CPU-only PyTorch source (look for `pytorch-cpu`) before `uv sync`{origin}",
)
CPU_IN_GPU = Advice(
    "CODE_BUG",
    "{dockerfile}: install the CUDA build: {change}{origin}",
    procedure="{dockerfile}: inject the CUDA PyTorch source (look for `pytorch-cu`) before `uv sync`{origin}",
)
WRONG = Advice(
    "CODE_BUG",
    "{dockerfile}: install the {wanted}: {change}{origin}",
    procedure="{dockerfile}: inject the PyTorch source of the {wanted} before `uv sync`, and no other{origin}",
)


def check_build(case: Case) -> Iterator[Finding]:
    """Check that the build is the role's.

    `cuda = None` in torch/version.py means "no CUDA build", never "not known".
    """
    rule, torch = case.role[TORCH], case.facts.torch
    if rule in (None, "absent", *ANY_BUILD) or not torch.installed:
        return
    shown = Shown(f"{label_of(rule)} build", f"{label_of(torch.build)} build")
    if torch.build == "unknown":
        yield case.unknown(f"which build {label(torch)} is can't be told{because(told_once(torch))}", shown, HOW)
    elif torch.build == rule:
        yield case.passed(f"{build_name(torch)} build, as the role asks", shown)
    else:
        advice = {("cpu", "cuda"): CUDA_IN_CPU, ("cuda", "cpu"): CPU_IN_GPU}.get((rule, torch.build), WRONG)
        message, at = f"{label(torch)}: the role asks for a {label_of(rule)} build", where(case, torch)
        yield case.found("fail", advice, message, shown, at, change=installing(rule, case.role[CUDA]))


EXPLAINED = Explanation(
    proves="The build of torch (CPU, CUDA, ROCm, XPU) is the one that the role states.",
    unknown="torch/version.py is missing, damaged or states nothing that tells one build from another.",
    mend=(
        "Install torch from the index of the wanted build. On Linux, PyPI's default is a CUDA build: a CPU image "
        "needs `https://download.pytorch.org/whl/cpu`. The advice of the finding is in the words of the installer "
        "that made the image."
    ),
)
RULE = Rule(check="torch-build", explanation=EXPLAINED, test=check_build, settings=(TORCH,), of_python=True)
