"""What is known of a torch build, as values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.torchbuild.kinds import kind_of, label_of
from inspector.unknown import Importable
from inspector.values import Plain

Build = str
"""The name of a `Kind`, or `unknown`."""
_OWN_FIELDS = ("cuda", "hip", "xpu")
"""Fields of torch/version.py that `Torch` has under their own names."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The file that `import torch` fails at, or that asked for what is missing, and the layer that brought it."""

    path: str
    layer: int | None = None
    created_by: str | None = None


class Torch(Plain, frozen=True, kw_only=True):
    """The torch that the image's `python` would import, or the one that stands where it looks but fails.

    `version` is what torch/version.py says, `distribution_version` what the metadata says; `cuda`, `hip`
    and `xpu` are None both where the file says None and where there is nothing to say: `build` decides.
    `accelerator` is the version of the accelerator's library of a kind that none of these three belongs to.
    `size` is that of torch alone, `stack_size` with all that only it requires, in bytes (None where not known).
    `reasons` are the clauses behind `importable`, and what contradicts `build`. `path` is the package directory,
    `layer` the position of the layer that brought it, `created_by` its build step. `fault` is where the import fails.
    """

    installed: bool
    importable: Importable
    reasons: tuple[str, ...] = ()
    version: str | None = None
    distribution_version: str | None = None
    build: Build = "unknown"
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None
    accelerator: str | msgspec.UnsetType = msgspec.UNSET
    path: str | None = None
    size: int | None = 0
    stack_size: int | None = None
    layer: int | None = None
    created_by: str | None = None
    fault: Fault | None = None

    def __post_init__(self) -> None:
        """Take the answer for the enumeration, where a text was given."""
        msgspec.structs.force_setattr(self, "importable", Importable(self.importable))


def build_name(torch: Torch) -> str:
    """Name the build with the version of the accelerator's library that it was made for: `CPU`, `CUDA 12.6`."""
    kind = kind_of(torch.build)
    own = [field for field in kind.fields[:1] if field in _OWN_FIELDS] if kind else []
    version = getattr(torch, own[0]) if own else torch.accelerator
    return f"{label_of(torch.build)} {version}" if version else label_of(torch.build)


def accelerator_of(build: Build, fields: Mapping[str, str | None]) -> str | msgspec.UnsetType:
    """Take the version for `Torch.accelerator` from the fields of torch/version.py."""
    kind = kind_of(build)
    first = kind.fields[0] if kind and kind.fields else None
    return msgspec.UNSET if first is None or first in _OWN_FIELDS else fields.get(first) or msgspec.UNSET


class TorchElsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A torch, or what is left of one, where the asked `python` does not look."""

    path: str
    version: str | None
    build: Build
    size: int
    why_not_importable: str
    layer: int | None = None


class BrokenExtension(msgspec.Struct, frozen=True, kw_only=True):
    """An extension module that can't load: of which distribution, where, and what Python would say."""

    distribution: str
    path: str
    reason: str
    layer: int | None = None
