"""What is predicted for one GPU of a host, and what it is predicted from."""

from __future__ import annotations

from typing import Literal, NamedTuple

from inspector.gpu.hosts import Host, Mode
from inspector.gpu.image import ImageGpu
from inspector.gpu.models import Gpu

Verdict = Literal["works", "fails", "unknown"]
Stage = Literal[
    "host", "absent", "import", "start", "injection", "hidden", "build", "library", "driver", "code", "extensions",
    "works",
]  # fmt: skip


class Case(NamedTuple):
    """An image on one GPU of a host that gives it to containers in one way."""

    image: ImageGpu
    host: Host
    gpu: Gpu
    mode: Mode


class Prediction(NamedTuple):
    """What would happen; `stage` is where it ends.

    `available` is what `torch.cuda.is_available()` would say, None where the program doesn't come so far or nobody
    knows; `change` says what to do. `notes` don't change the verdict. `path` is the file of the image that decides.
    """

    verdict: Verdict
    stage: Stage
    reason: str
    change: str = ""
    available: bool | None = None
    notes: tuple[str, ...] = ()
    path: str | None = None


def fails(stage: Stage, reason: str, change: str, *, available: bool | None = False) -> Prediction:
    """Return that CUDA does not work, which torch says without an exception unless `available` says otherwise."""
    return Prediction("fails", stage, reason, change, available)


def other_machine(image: ImageGpu, host: Host) -> Prediction | None:
    """Return that the image is for another machine than the host's; None where it is for that."""
    if image.architecture == host.architecture:
        return None
    reason = f"the image is for {image.architecture}, the host is {host.architecture}"
    return fails("import", reason, f"build it for {host.architecture}", available=None)


def undecided(stage: Stage, reason: str, change: str = "", *, available: bool | None = None) -> Prediction:
    """Return that nobody can tell, and why."""
    return Prediction("unknown", stage, reason, change, available)
