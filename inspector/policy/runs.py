"""A run in words, for findings and reports alike."""

from __future__ import annotations

from inspector.facts.runtime import Device, RuntimeFacts
from inspector.policy.steps import shorten
from inspector.sizes import show_size

_TOLD = 300
"""Characters of an error that a message shows."""


def run_label(run: RuntimeFacts) -> str:
    """Return `torch 2.6.0+cu124 (CUDA 12.4)` as imported, or the error."""
    if not run.imported:
        return "not known" if run.imported is None else f"no torch: {failure(run)}"
    version = f"torch {run.torch}" if run.torch is not None else "a torch without a version"
    builds = [f"CUDA {run.cuda}"] if run.cuda is not None else []
    builds += [f"ROCm {run.hip}"] if run.hip is not None else []
    return f"{version} ({', '.join(builds) or 'no CUDA'})"


def failure(run: RuntimeFacts) -> str:
    """Return the first error of a run, in one line; or that none was told."""
    if run.error is None:
        return "no reason told"
    return shorten(f"{run.error.type}: {' '.join(run.error.message.split())}", _TOLD)


def described(run: RuntimeFacts) -> str:
    """Return `2 x NVIDIA A10 (compute capability 8.6, 23.0 GB), driver 550.54.15`."""
    counted = {device: run.devices.count(device) for device in run.devices}
    named = [f"{count} x {device_name(each)}" if count > 1 else device_name(each) for each, count in counted.items()]
    return ", ".join([*(named or ["a GPU"]), *([f"driver {run.driver}"] if run.driver else [])])


def device_name(device: Device) -> str:
    """Return `NVIDIA A10 (compute capability 8.6, 23.0 GB)`."""
    return f"{device.name} (compute capability {device.capability}, {show_size(device.memory)})"
