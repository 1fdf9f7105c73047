"""Torch as several rules speak of it: its label, where it lies, how it is installed, why it isn't known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.policy.findings import Case
from inspector.policy.model import Advice, Pointer
from inspector.policy.role import ANY_BUILD
from inspector.torchbuild.model import Torch, build_name
from inspector.unknown import Absent, Unknown

if TYPE_CHECKING:
    from inspector.policy.installers import Installer

NOT_CHECKED = "shared libraries were not checked: whether they load is not known"
UNPROVED = Advice(
    "EVIDENCE",
    "Have the layers read: as root, in inspector's own image with the engine's folder mounted read-only, or with "
    "`--access save`; of a registry's image, without `--trust-toc`",
)
HOW = "`python -c 'import torch; print(torch.__version__, torch.version.cuda)'` in a container shows it"


def installing(build: str | None, cuda: str | None) -> Callable[[Installer], str]:
    """Return the change that installs torch of a kind of build, for the range of CUDA versions that a role asks for."""

    def change(tool: Installer) -> str:
        from inspector.policy.installers import cuda_release  # a pass needs none

        return tool.installing_torch(None if build in (*ANY_BUILD, "absent") else build, cuda_release(cuda))

    return change


def label(torch: Torch) -> str:
    """Return `torch 2.6.0+cu124 (CUDA 12.4 build)`."""
    if not torch.installed:
        return "namespace only" if torch.importable == "yes" else "no torch"
    version = torch.version or torch.distribution_version or "of no stated version"
    return f"torch {version} ({build_name(torch)} build)"


def where(case: Case, torch: Torch) -> Pointer:
    """Say where torch lies, with what its stack costs: torch alone where the stack is not known."""
    size = torch.size if torch.stack_size is None else torch.stack_size
    return case.at(torch.layer, path=torch.path, size=size or None)


def undecided_import(case: Case) -> str:
    """Say why importing can't be decided; empty where it can."""
    interpreter, torch = case.facts.interpreter, case.facts.torch
    if torch.importable != "unknown" or isinstance(interpreter, Absent):
        return ""
    return "; ".join(torch.reasons) or (interpreter.unknown if isinstance(interpreter, Unknown) else "nothing tells")


def told_once(torch: Torch) -> tuple[str, ...]:
    """Return the reasons, unless the failure to import has already told them."""
    return () if torch.importable == "no" else torch.reasons
