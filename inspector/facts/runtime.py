"""What a container of the image said when it was run, as values."""

from __future__ import annotations

from typing import Literal

import msgspec


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as torch names it: compute capability as `8.6`, memory in bytes."""

    name: str
    capability: str
    memory: int


class Failure(msgspec.Struct, frozen=True):
    """The first error of a run, and its type's name."""

    type: str
    message: str


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """What the image's files and the host's driver and GPUs made expect of torch's CUDA, before the run.

    `available` is what `torch.cuda.is_available()` was to say, None where that is not known.
    """

    verdict: Literal["works", "fails", "unknown"]
    reason: str
    available: bool | None = None


class RuntimeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What `import torch` did in a container of the image; with `ran` False, `why_not` is the reason that none was run.

    Of one that ran without a GPU, `why_not` says why it was given none; `imported` is None where that is not known.
    `gpu` says whether a GPU was handed to the container, `computed` whether a small computation on it came out
    right. `cudnn` is its version, `driver` that of the host. `seconds` are those of the container's life. `predicted`
    is there where a GPU of NVIDIA's was handed over whose model is known.
    """

    ran: bool
    why_not: str = ""
    gpu: bool = False
    imported: bool | None = None
    torch: str | None = None
    cuda: str | None = None
    hip: str | None = None
    is_available: bool | None = None
    devices: tuple[Device, ...] = ()
    arch_list: tuple[str, ...] = ()
    cudnn: str | None = None
    driver: str | None = None
    computed: bool | None = None
    error: Failure | None = None
    seconds: float = 0.0
    predicted: Predicted | None = None
