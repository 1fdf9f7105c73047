r"""The kinds of build that torch comes in: each is one value, and all that tells kinds apart reads these values.

A further kind is one `Kind`, added below or from outside:

    add_kind(Kind(name="npu", label="NPU", fields=("npu",), libraries=("libtorch_npu.so",), local=r"npu\b"))
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

GpuVendor = Literal["nvidia", "amd"]

_RESERVED = frozenset({"absent", "any", "present", "unknown"})
"""Words that stand beside the names of kinds in policies and reports."""
_NAME = r"[a-z][a-z0-9_-]{0,30}"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of build.

    `name` is its word in policies and JSON, `label` how people write it. `fields` are those of torch/version.py that
    state the kind; the first holds the version of the accelerator's library. `libraries` lie in torch/lib of this
    kind alone. `local` is the regular expression of the local version's tag, without the `+`; its groups, if any, are
    the first numbers of that version. `gpu` is the maker of the GPUs that it can use in a container; None where we
    pass none.
    """

    name: str
    label: str
    fields: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    local: str = ""
    gpu: GpuVendor | None = None


CPU = Kind(name="cpu", label="CPU", local=r"cpu\b")
ROCM = Kind(
    name="rocm",
    label="ROCm",
    fields=("hip", "rocm"),
    libraries=("libtorch_hip.so", "libc10_hip.so"),
    local=r"rocm\d",
    gpu="amd",
)
CUDA = Kind(
    name="cuda",
    label="CUDA",
    fields=("cuda",),
    libraries=("libtorch_cuda.so", "libc10_cuda.so"),
    local=r"cu(?:(\d{1,2})(\d)|\d{4})\b",
    gpu="nvidia",
)
XPU = Kind(
    name="xpu",
    label="XPU",
    fields=("xpu",),
    libraries=("libtorch_xpu.so", "libc10_xpu.so"),
    local=r"xpu\b",
)

KINDS = (CPU, ROCM, CUDA, XPU)
"""The kinds that we know; `kinds` also gives those that were added."""
_ADDED: list[Kind] = []


def kinds() -> tuple[Kind, ...]:
    """List all kinds, the added ones last."""
    return (*KINDS, *_ADDED)


def add_kind(kind: Kind) -> None:
    """Add a kind. Raises `ValueError` for a name or a field that is taken, and for a name that no policy could use."""
    if not re.fullmatch(_NAME, kind.name) or kind.name in _RESERVED:
        raise ValueError(f"{kind.name!r} can't be the name of a kind: write one as in 'cuda'")
    for known in kinds():
        shared = {kind.name} & {known.name} or {*kind.fields} & {*known.fields}
        if shared:
            raise ValueError(f"{min(shared)!r} belongs to the kind {known.name!r} already")
    re.compile(kind.local)
    _ADDED.append(kind)


def kind_of(build: str) -> Kind | None:
    """Find the kind of that name; None for `unknown`."""
    return next((kind for kind in kinds() if kind.name == build), None)


def label_of(build: str) -> str:
    """Name a build as people write it: `CUDA` of `cuda`, `unknown` as it is."""
    kind = kind_of(build)
    return kind.label if kind else build


def kind_names() -> list[str]:
    """List the names of all kinds, in alphabetical order."""
    return sorted(kind.name for kind in kinds())


def version_fields() -> tuple[str, ...]:
    """List the fields of torch/version.py that state a kind."""
    return tuple(field for kind in kinds() for field in kind.fields)
