"""What a policy says, as values: already checked, nothing left to go wrong but the image."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.oci import Platform

TorchRule = str
"""`absent`, the name of a kind of build, or `any`."""
Elsewhere = Literal["allow", "forbid"]
CudaRuntime = Literal["demand", "report"]

API_WARN_SIZE = 10**9
API_MAX_SIZE = 1_500_000_000
"""Bytes above which an image without torch betrays machine-learning packages, where its role says nothing else."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes above which there is a warning, or a failure; None where there is no limit."""

    warn: int | None = None
    most: int | None = None


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment role. `torch` None states nothing of torch; "any" wants one, of whatever build.

    `match` are globs over the names an image goes by. `cuda` is a version range (PEP 440), and so are
    `torch_version` and `python`; `forbid` are globs over canonical names, `require` PEP 508
    requirements. `cuda_runtime` "demand" asks that a GPU is usable, which only a run on a GPU host can tell;
    "report" tells what a run found, as it depends on the host, and judges nothing.
    """

    name: str
    description: str = ""
    match: tuple[str, ...] = ()
    dockerfile: str | None = None
    torch: TorchRule | None = None
    torch_version: str | None = None
    torch_elsewhere: Elsewhere = "allow"
    cuda: str | None = None
    cuda_runtime: CudaRuntime | None = None
    forbid: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    python: str | None = None
    python_command: str = "python"
    size: Limits = Limits()
    compressed_size: Limits = Limits()
    platform: Platform | None = None


class Listed(msgspec.Struct, frozen=True):
    """An image that the policy itself names: a reference as one would type it, and its role if that is stated."""

    reference: str
    role: str | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All roles, in the file's order, and the images to read when none is asked for.

    `origin` names the file. Where `exhaustive`, each role stands for one image that must be found.
    """

    origin: str
    roles: tuple[Role, ...]
    images: tuple[Listed, ...] = ()
    exhaustive: bool = False

    def role(self, name: str) -> Role | None:
        """The role of that name."""
        return next((role for role in self.roles if role.name == name), None)
