"""GPUs by name: compute capability, and what kind of product it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

Class = Literal["data centre", "workstation", "geforce", "jetson"]

_TABLE: tuple[tuple[str, Class, str], ...] = (
    ("3.5", "data centre", "K40"),
    ("3.7", "data centre", "K80"),
    ("5.0", "geforce", "GTX 750, GTX 750 Ti"),
    ("5.2", "data centre", "M40, M60"),
    ("5.2", "geforce", "GTX 950, GTX 960, GTX 970, GTX 980, GTX 980 Ti"),
    ("5.3", "jetson", "Jetson Nano, TX1"),
    ("6.0", "data centre", "P100"),
    ("6.0", "workstation", "Quadro GP100"),
    ("6.1", "data centre", "P4, P40"),
    ("6.1", "geforce", "GTX 1050, GTX 1050 Ti, GTX 1060, GTX 1070, GTX 1070 Ti, GTX 1080, GTX 1080 Ti, TITAN Xp"),
    ("6.1", "workstation", "Quadro P1000, Quadro P2000, Quadro P4000, Quadro P5000, Quadro P6000"),
    ("6.2", "jetson", "TX2"),
    ("7.0", "data centre", "V100"),
    ("7.0", "geforce", "TITAN V"),
    ("7.0", "workstation", "Quadro GV100"),
    ("7.2", "jetson", "Xavier, Xavier NX"),
    ("7.5", "data centre", "T4, T4G"),
    ("7.5", "geforce", "GTX 1650, GTX 1660, GTX 1660 Ti, RTX 2060, RTX 2070, RTX 2080, RTX 2080 Ti, TITAN RTX"),
    ("7.5", "workstation", "Quadro RTX 4000, Quadro RTX 5000, Quadro RTX 6000, Quadro RTX 8000, T400, T600, T1000"),
    ("8.0", "data centre", "A100, A30, A800"),
    ("8.6", "data centre", "A2, A10, A10G, A16, A40"),
    ("8.6", "geforce", "RTX 3050, RTX 3060, RTX 3060 Ti, RTX 3070, RTX 3070 Ti, RTX 3080, RTX 3080 Ti, RTX 3090"),
    ("8.6", "geforce", "RTX 3090 Ti"),
    ("8.6", "workstation", "RTX A2000, RTX A4000, RTX A4500, RTX A5000, RTX A5500, RTX A6000"),
    ("8.7", "jetson", "Orin, Orin NX, Orin Nano, Jetson Orin Nano"),
    ("8.9", "data centre", "L4, L20, L40, L40S"),
    ("8.9", "geforce", "RTX 4050, RTX 4060, RTX 4060 Ti, RTX 4070, RTX 4070 Ti, RTX 4080, RTX 4090"),
    ("8.9", "workstation", "RTX 2000 Ada, RTX 4000 Ada, RTX 4500 Ada, RTX 5000 Ada, RTX 6000 Ada"),
    ("9.0", "data centre", "H100, H200, H20, H800, GH200"),
    ("10.0", "data centre", "B200, GB200"),
    ("10.3", "data centre", "B300, GB300"),
    ("11.0", "jetson", "Thor, Jetson T5000, Jetson T4000"),
    ("12.0", "geforce", "RTX 5050, RTX 5060, RTX 5060 Ti, RTX 5070, RTX 5070 Ti, RTX 5080, RTX 5090"),
    ("12.0", "workstation", "RTX PRO 2000, RTX PRO 4000, RTX PRO 4500, RTX PRO 5000, RTX PRO 6000"),
    ("12.1", "workstation", "GB10"),
)
"""Compute capability, class and names (NVIDIA's lists of CUDA GPUs, current and legacy)."""

_BRANDS: dict[Class, tuple[str, ...]] = {
    "data centre": ("tesla", "unknown"),
    "workstation": ("quadro", "unknown"),
    "geforce": ("geforce",),
    "jetson": ("unknown",),
}
"""What libnvidia-container may call a GPU: it knows the older names, and says Unknown of newer ones (nvc_info.c)."""

_CAPABILITY = re.compile(r"(\d{1,2})\.(\d)", re.ASCII)


class Gpu(NamedTuple):
    """A GPU of a host; `kind` is None where only the compute capability is known."""

    name: str
    capability: tuple[int, int]
    kind: Class | None

    @property
    def brands(self) -> tuple[str, ...] | None:
        """Return the brands that it may have in a requirement; None where nothing is known of it."""
        if self.kind == "geforce" and "titan" in self.name.lower():
            return ("titan",)
        return None if self.kind is None else _BRANDS[self.kind]


def _models() -> Iterator[tuple[frozenset[str], Gpu]]:
    for capability, kind, names in _TABLE:
        for name in names.split(", "):
            major, minor = capability.split(".")
            yield frozenset(name.lower().split()), Gpu(name, (int(major), int(minor)), kind)


MODELS = tuple(_models())
NAMES = tuple(gpu.name for _, gpu in MODELS)


@lru_cache(maxsize=1024)
def gpu_named(text: str) -> Gpu | None:
    """Return the GPU that a name or a compute capability means; None for what is not known.

    All words of a model must stand in the name, and the model with the most words wins: `NVIDIA A100-SXM4-80GB` is an
    A100, `NVIDIA RTX 6000 Ada Generation` not a `Quadro RTX 6000`. A slice of a GPU (MIG) is like the whole.

    >>> gpu_named("NVIDIA RTX A6000").capability, gpu_named("8.6").capability, gpu_named("Voodoo 2")
    ((8, 6), (8, 6), None)
    """
    stated = _CAPABILITY.fullmatch(text.strip())
    if stated:
        return Gpu(text.strip(), (int(stated[1]), int(stated[2])), None)
    words = frozenset(re.split(r"[^a-z0-9]+", text.lower()))
    fitting = [(len(needed), gpu) for needed, gpu in MODELS if needed <= words]
    if not fitting:
        return None
    most = max(count for count, _ in fitting)
    best = [gpu for count, gpu in fitting if count == most]
    agreed = {(gpu.capability, gpu.kind) for gpu in best}
    return best[0]._replace(name=text.strip()) if len(agreed) == 1 else None


def capability_text(capability: tuple[int, int]) -> str:
    """Return a compute capability as NVIDIA writes it."""
    return f"{capability[0]}.{capability[1]}"
