"""What an image says about GPUs, as far as its files and its environment tell."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from inspector.gpu.compat import Compat
from inspector.unknown import Unknown

CAPABILITIES = frozenset({"compute", "compat32", "graphics", "utility", "video", "display", "ngx"})
"""What NVIDIA_DRIVER_CAPABILITIES may name besides `all` (image/capabilities.go)."""
ASKED = ("NVIDIA_", "CUDA_", "PYTORCH_NVML_BASED_CUDA_CHECK", "LD_LIBRARY_PATH", "HSA_", "HIP_", "ROCR_", "ZE_")
"""How the variables begin that decide anything here."""


class Forced(NamedTuple):
    """A `libcuda.so.1` of the image that LD_LIBRARY_PATH puts before the host's; `version` where its name has one."""

    path: str
    version: str | None = None
    stub: bool = False


class ImageGpu(msgspec.Struct, frozen=True, kw_only=True):
    """What decides on a GPU host: the build and what it has code for, libraries of the driver, the environment.

    `cuda` is the version of the CUDA runtime, `architectures` those of `get_arch_list()`, `compat` the libcuda of the
    image's compat folder, `baked` driver files that only a host should bring.
    """

    build: str | Unknown
    cuda: str | Unknown | None = None
    architectures: tuple[str, ...] | Unknown = ()
    architecture: str = "x86_64"
    compat: tuple[Compat, ...] = ()
    baked: tuple[str, ...] = ()
    forced: Forced | None = None
    environment: dict[str, str] = {}
