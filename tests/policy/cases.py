"""Facts as values, for checks to judge: a whole and healthy image, and what each test changes about it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from inspector.facts import Evidence, ImageFacts, LayerFacts, Size
from inspector.facts.runtime import Device, RuntimeFacts
from inspector.oci import Platform
from inspector.policy.judge import judge
from inspector.policy.model import Finding, Result
from inspector.policy.role import Role
from inspector.python.model import Distribution, Interpreter, Startup
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

SITE = "/app/.venv/lib/python3.11/site-packages"
SYNC = "RUN /bin/sh -c uv sync --frozen --no-dev --extra ml # buildkit"
DOCKERFILE = "deploy/docker/Dockerfile.backend"

NO_TORCH = Torch(installed=False, importable="no")
CPU = Torch(
    installed=True,
    importable="yes",
    version="2.6.0+cpu",
    distribution_version="2.6.0+cpu",
    build="cpu",
    path=f"{SITE}/torch",
    size=699_000_000,
    stack_size=730_000_000,
    layer=1,
    created_by=SYNC,
)
CUDA = replace(CPU, version="2.6.0+cu124", distribution_version="2.6.0", build="cuda", cuda="12.4")
ROCM = replace(CPU, version="2.6.0+rocm6.2", distribution_version="2.6.0", build="rocm", hip="6.2.41134")
XPU = replace(CPU, version="2.6.0+xpu", distribution_version="2.6.0", build="xpu", xpu="20250000")
NAMESPACE = Torch(installed=False, importable="yes", path="/torch", layer=2)

PYTHON = Interpreter(
    command="python",
    path="/app/.venv/bin/python",
    resolved="/usr/local/bin/python3.11",
    implementation="CPython",
    version="3.11.9",
    search_path=("", SITE),
    machine="x86_64",
    runs="yes",
)
LAYERS = tuple(
    LayerFacts(
        diff_id=f"sha256:{at}".ljust(71, "0"),
        digest=None,
        size=size,
        compressed_size=None,
        created_by=step,
        entries=10,
        cached=False,
    )
    for at, (size, step) in enumerate(
        ((75_000_000, "/bin/sh -c #(nop) ADD file:ab in / "), (200_000_000, SYNC), (5_000, None))
    )
)
SEEN = Evidence(bytes_read=40_000, layers_read=3, layers_cached=0, digests_verified=True, how="seek")
IMAGE = ImageFacts(
    reference="docker-archive:api.tar",
    source="docker-archive",
    image_id="sha256:" + "f" * 64,
    platform=Platform("linux", "amd64"),
    size=Size(275_005_000, None),
    layers=LAYERS,
    startup=Startup(argv=("uvicorn", "app:app"), path="/app/.venv/bin/uvicorn", starts="yes"),
    interpreter=PYTHON,
    distributions=(),
    torch=NO_TORCH,
    torch_elsewhere=(),
    warnings=(),
    evidence=SEEN,
    tags=("ktrdr-backend:prod",),
)


ASKED = Evidence(
    bytes_read=1_200_000,
    layers_read=0,
    layers_cached=0,
    digests_verified=False,
    how="archive",
    access="files",
    passed_over=("storage: its files can't be read",),
    questions=58,
)
UNSEEN = Unknown("only single files were asked for")
A10 = Device(name="NVIDIA A10", capability="8.6", memory=23_000_000_000)
RUN_CPU = RuntimeFacts(ran=True, imported=True, torch="2.6.0+cpu", is_available=False, seconds=2.5)
RUN_CUDA = RuntimeFacts(
    ran=True,
    gpu=True,
    imported=True,
    torch="2.6.0+cu124",
    cuda="12.4",
    is_available=True,
    devices=(A10,),
    arch_list=("sm_50", "sm_80", "sm_86", "sm_90"),
    cudnn="9.1.0",
    driver="550.54.15",
    computed=True,
    seconds=4.5,
)


def image(torch: Torch = NO_TORCH, **changes: Any) -> ImageFacts:
    """The healthy image with this torch, and with other facts changed."""
    return replace(IMAGE, torch=torch, **changes)


def glanced(torch: Torch = NO_TORCH, **changes: Any) -> ImageFacts:
    """The same image as the access method files sees it: single files, no layers."""
    layers = tuple(replace(layer, size=None, entries=None) for layer in LAYERS)
    seen = replace(torch, layer=None, created_by=None, size=None, stack_size=None) if torch.installed else torch
    partial: dict[str, Any] = {
        "layers": layers,
        "distributions": UNSEEN,
        "torch_elsewhere": UNSEEN,
        "image_id": None,
        "evidence": ASKED,
        "source": "docker",
    }
    return image(seen, **{**partial, **changes})


def role(**stated: Any) -> Role:
    """A role that states only what is given."""
    return Role(**{"name": "api", "dockerfile": DOCKERFILE, **stated})


def installed(name: str, version: str, size: int | None = 1_000, layer: int | None = 1) -> Distribution:
    """An installed distribution."""
    return Distribution(name=name, version=version, path=f"{SITE}/{name}", size=size, installer="uv", layer=layer)


def findings(result: Result, check: str) -> list[Finding]:
    """What one check found."""
    return [finding for finding in result.findings if finding.check == check]


def finding(facts: ImageFacts, wanted: Role, check: str) -> Finding:
    """The one finding of a check."""
    (only,) = findings(judge(facts, wanted), check)
    return only
