"""What an image says about GPUs, as far as its files and its environment tell."""

from __future__ import annotations

import msgspec

from inspector.gpu.compat import Compat
from inspector.unknown import Tri, Unknown

CAPABILITIES = frozenset({"compute", "compat32", "graphics", "utility", "video", "display", "ngx"})
"""What NVIDIA_DRIVER_CAPABILITIES may name besides `all` (image/capabilities.go)."""
ASKED = (
    "NVIDIA_", "CUDA_", "PYTORCH_NVML_BASED_CUDA_CHECK", "LD_LIBRARY_PATH", "HSA_", "HIP_", "ROCR_", "ZE_",
    "ONEAPI_DEVICE_SELECTOR", "VLLM_ENABLE_CUDA_COMPATIBILITY",
)  # fmt: skip
"""How the variables begin that decide anything here."""
NOT_LOOKED = "libraries of other packages than torch were not looked into: each would have to be fetched"


class Forced(msgspec.Struct, frozen=True):
    """A `libcuda.so.1` of the image that LD_LIBRARY_PATH puts before the host's; `version` where its name has one."""

    path: str
    version: str | None = None
    stub: bool = False


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The CUDA runtime that torch loads: the SONAME that its libraries need, and the distribution that brings it."""

    soname: str | None = None
    distribution: str | None = None
    version: str | None = None


class Kernels(msgspec.Struct, frozen=True, kw_only=True):
    """A package with kernels of its own, such as torchvision: what it was built for, and whether it fits.

    `torch` and `cuda` are the versions that it states. `architectures` are those of most of its containers of kernels,
    none where it has no code for NVIDIA's GPUs, and `others` what some have besides. `fits` tells whether it
    works beside the image's torch, and `reason` why not. `path` is
    the library that decides.
    """

    distribution: str
    version: str
    torch: str | None = None
    cuda: str | None = None
    architectures: tuple[str, ...] | Unknown = ()
    others: tuple[str, ...] = ()
    fits: Tri = "unknown"
    reason: str = ""
    path: str | None = None


class ImageGpu(msgspec.Struct, frozen=True, kw_only=True):
    """What decides on a GPU host: the build and what it has code for, libraries of the driver, the environment.

    `cuda` is the version of CUDA that torch was built for, `runtime` what brings it, and `min_driver` the oldest driver
    under which it comes up. `architectures` are those of `get_arch_list()`, and `linalg` those of MAGMA, which has a
    list of its own; None where torch has no MAGMA. `architecture` is the machine's. `compat` are the libcuda of the
    image's compat folder, `baked` driver files that only a host should bring, and `leftovers` those of no bytes, to
    which a host's were mounted. With `legacy`, the toolkit takes the image for one from before NVIDIA_REQUIRE_CUDA.
    `kernels` are the other packages with code for GPUs. Of builds for AMD's GPUs, `hip` is the version and
    `architectures` are the targets; of those for Intel's, `missing` are libraries of the driver that no host brings.
    """

    build: str | Unknown
    cuda: str | Unknown | None = None
    hip: str | None = None
    architectures: tuple[str, ...] | Unknown = ()
    linalg: tuple[str, ...] | Unknown | None = None
    architecture: str = "x86_64"
    runtime: Runtime = Runtime()
    min_driver: str | None = None
    compat: tuple[Compat, ...] = ()
    baked: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    forced: Forced | None = None
    legacy: bool = False
    kernels: tuple[Kernels, ...] | Unknown = ()
    missing: tuple[str, ...] = ()
    environment: dict[str, str] = {}
