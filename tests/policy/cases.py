"""Facts as values, for checks to judge: a whole and healthy image, and what each test changes about it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.policy.judge import judge
from inspector.policy.model import Finding, Result
from inspector.policy.role import Role
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable
from tests import factories
from tests.factories import NO_TORCH, SITE, UNSEEN
from tests.factories import distribution as installed

__all__ = ["NO_TORCH", "SITE", "UNSEEN", "installed"]

SYNC = "RUN /bin/sh -c uv sync --frozen --no-dev --extra ml # buildkit"
DOCKERFILE = "deploy/docker/Dockerfile.backend"

CPU = factories.torch("cpu", "2.6.0+cpu", 699_000_000, layer=1, created_by=SYNC)
CUDA = replace(CPU, version="2.6.0+cu124", distribution_version="2.6.0", build="cuda", cuda="12.4")
ROCM = replace(CPU, version="2.6.0+rocm6.2", distribution_version="2.6.0", build="rocm", hip="6.2.41134")
XPU = replace(CPU, version="2.6.0+xpu", distribution_version="2.6.0", build="xpu", xpu="20250000")
NAMESPACE = Torch(installed=False, importable=Importable.YES, path="/torch", layer=2)

PYTHON = factories.interpreter()
LAYERS = factories.layers(((75_000_000, "/bin/sh -c #(nop) ADD file:ab in / "), (200_000_000, SYNC), (5_000, None)))
IMAGE = factories.image("ktrdr-backend:prod", layers=LAYERS)
ASKED = factories.partial(IMAGE).evidence

RUN_CPU = RuntimeFacts(ran=True, imported=True, torch="2.6.0+cpu", is_available=False, seconds=2.5)
RUN_CUDA = factories.on_a_gpu(
    torch="2.6.0+cu124",
    cuda="12.4",
    arch_list=("sm_50", "sm_80", "sm_86", "sm_90"),
    cudnn="9.1.0",
    driver="550.54.15",
    seconds=4.5,
)
(A10,) = RUN_CUDA.devices


def image(torch: Torch = NO_TORCH, **changes: Any) -> ImageFacts:
    """The healthy image with this torch, and with other facts changed."""
    return replace(IMAGE, torch=torch, **changes)


def glanced(torch: Torch = NO_TORCH, **changes: Any) -> ImageFacts:
    """The same image as partial inspection sees it."""
    return factories.partial(image(torch), **changes)


def role(**stated: Any) -> Role:
    """A role that states only what is given."""
    return Role(**{"name": "api", "dockerfile": DOCKERFILE, **stated})


def findings(result: Result, check: str) -> list[Finding]:
    """What one check found."""
    return [finding for finding in result.findings if finding.check == check]


def finding(facts: ImageFacts, wanted: Role, check: str) -> Finding:
    """The one finding of a check."""
    (only,) = findings(judge(facts, wanted), check)
    return only
