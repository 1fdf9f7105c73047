"""Torch for Intel's GPUs: what a host does not bring, and what hides its devices.

A container gets nothing but the nodes in `/dev/dri`: the loader of Level Zero and the GPU's driver in user space have
to be in the image. No GPU was at hand to try it on, so no prediction says "works".
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.gpu.image import ImageGpu
from inspector.gpu.prediction import Prediction, undecided
from inspector.python.files import exists
from inspector.rootfs import Rootfs

LIBRARIES = ("libze_loader.so.1", "libze_intel_gpu.so.1")
"""The loader of Level Zero, and the driver of Intel's GPUs that it opens."""
HIDING = ("ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR")
"""Variables by which devices are hidden."""
_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/usr/local/lib64")


def missing_libraries(fs: Rootfs) -> tuple[str, ...]:
    """Return which libraries of the driver are in none of the folders where distributions put them."""
    return tuple(name for name in LIBRARIES if not any(exists(fs, f"{folder}/{name}") for folder in _FOLDERS))


def predict_xpu(image: ImageGpu) -> Prediction:
    """Return what is known of an XPU build on a host with Intel's GPUs."""
    if image.missing:
        reason = f"of the driver of Intel's GPUs, {', '.join(image.missing)} is not where distributions put it"
        return undecided("library", reason, "install libze1 and libze-intel-gpu1 in the image")
    hiding = _hiding(image.environment)
    if hiding:
        return undecided("hidden", f"{hiding} may hide every GPU", "remove the variable from the image")
    return undecided("code", "which of Intel's GPUs torch works on is not known here")


def _hiding(environment: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={environment[name]!r}" for name in HIDING if name in environment)


def line(image: ImageGpu) -> str:
    """Return a line for people: whether the image brings what the host does not."""
    if image.missing:
        return f"XPU: {', '.join(image.missing)} of the GPU's driver was not found, and the host does not bring it"
    return "XPU: Intel's GPUs, by the driver in the image"
