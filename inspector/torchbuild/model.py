"""What is known of a torch build, as values."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.unknown import Tri

Build = Literal["cpu", "cuda", "rocm", "xpu", "unknown"]
BUILD_NAMES = {"cpu": "CPU", "cuda": "CUDA", "rocm": "ROCm", "xpu": "XPU", "unknown": "unknown"}
"""Each build as people write it."""


class Torch(msgspec.Struct, frozen=True, kw_only=True):
    """The torch that the image's `python` would import, or the one that stands where it looks but fails.

    `version` is what torch/version.py says, `distribution_version` what the metadata says; `cuda`, `hip`
    and `xpu` are None both where the file says None and where there is nothing to say: `build` decides.
    `size` is that of torch alone, `stack_size` with all that only it requires, in bytes (None where not known).
    `reasons` are the clauses behind `importable`, and what contradicts `build`. `path` is the package directory,
    `layer` the position of the layer that brought it, `created_by` its build step.
    """

    installed: bool
    importable: Tri
    reasons: tuple[str, ...] = ()
    version: str | None = None
    distribution_version: str | None = None
    build: Build = "unknown"
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None
    path: str | None = None
    size: int | None = 0
    stack_size: int | None = None
    layer: int | None = None
    created_by: str | None = None


def build_name(torch: Torch) -> str:
    """The build with the version of the accelerator's library that it was made for: `CPU`, `CUDA 12.6`, `ROCm 6.2`."""
    version = {"cuda": torch.cuda, "rocm": torch.hip, "xpu": torch.xpu}.get(torch.build)
    return f"{BUILD_NAMES[torch.build]} {version}" if version else BUILD_NAMES[torch.build]


class TorchElsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A torch, or what is left of one, where the asked `python` does not look."""

    path: str
    version: str | None
    build: Build
    size: int
    why_not_importable: str
    layer: int | None = None
