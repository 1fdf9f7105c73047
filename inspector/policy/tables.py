"""The TOML form of a policy: `[roles.NAME]` tables, and `images`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from inspector.oci import Platform
from inspector.policy.patterns import pattern_of
from inspector.policy.place import Place
from inspector.policy.role import (
    API_MAX_SIZE,
    API_WARN_SIZE,
    CudaRuntime,
    Elsewhere,
    Limits,
    Listed,
    Policy,
    Role,
    TorchRule,
)
from inspector.policy.steps import shorten
from inspector.policy.values import did_you_mean, glob, name_glob, reference, requirement, specifier
from inspector.python.metadata import canonical
from inspector.sizes import parse_size, show_size
from inspector.torchbuild.kinds import kind_names

HOST_DEPENDENT = "host-dependent"
MAX_PATTERNS = 1000
"""Patterns or requirements of one key: each is compared with each distribution of an image."""
MAX_SHOWN = 300
"""Characters of a name that a message shows."""
_HINTS = {
    "description": "a text",
    "dockerfile": "a path, as in 'deploy/Dockerfile.api'",
    "torch-version": "a version range, as in '>=2.3,<3'",
    "cuda": "a version range, as in '>=12.4,<14', or 'host-dependent'",
    "cuda-runtime": "allowed are true, false and 'host-dependent'",
    "python": "a version range, as in '>=3.11,<3.13'",
    "python-command": "a name as in 'python3.12', or an absolute path",
    "platform": "os/arch, as in 'linux/amd64'",
    "torch-elsewhere": "allowed are allow and forbid",
    "match": "a list of patterns, as in ['api:prod', 'api:release-*']",
    "forbid": "a list of patterns, as in ['nvidia-*', 'triton']",
    "require": "a list of requirements, as in ['fastapi>=0.100']",
    "max-size": "a text such as '1.5 GB'",
    "warn-size": "a text such as '1 GB'",
    "max-compressed-size": "a text such as '500 MB'",
    "warn-compressed-size": "a text such as '400 MB'",
    "images": "a list of references, or [[images]] tables of reference and role",
    "roles": "tables [roles.NAME]",
}


class RoleTable(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """`[roles.NAME]` as written."""

    description: str = ""
    match: list[str] = []
    dockerfile: str | None = None
    torch: str | None = None
    torch_version: str | None = None
    torch_elsewhere: Elsewhere = "allow"
    cuda: str | None = None
    cuda_runtime: bool | Literal["host-dependent"] | None = None
    forbid: list[str] = []
    require: list[str] = []
    python: str | None = None
    python_command: str = "python"
    warn_size: str | None = None
    max_size: str | None = None
    warn_compressed_size: str | None = None
    max_compressed_size: str | None = None
    platform: str | None = None


class ImageTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[[images]]` as written."""

    reference: str
    role: str | None = None


class Tables(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file, its roles and images still raw."""

    roles: dict[str, Any] = {}
    images: list[Any] = []


def policy_of_tables(raw: Mapping[str, Any], origin: str) -> Policy:
    """The policy that decoded TOML holds. Raises `PolicyError` naming file, role and key."""
    place = Place(origin)
    tables = place.convert(dict(raw), Tables, _HINTS)
    if not tables.roles:
        raise place.error("no roles: write at least one table [roles.NAME]")
    roles = tuple(_role(name, table, origin) for name, table in tables.roles.items())
    names = dict.fromkeys(role.name for role in roles)
    images = tuple(_listed(image, Place(origin, f"images[{at}]"), names) for at, image in enumerate(tables.images))
    return Policy(origin=origin, roles=roles, images=images)


def _listed(raw: Any, place: Place, roles: Mapping[str, None]) -> Listed:
    table = ImageTable(raw) if isinstance(raw, str) else place.convert(raw, ImageTable, {})
    if not table.reference.strip():
        raise place.error("an empty reference; write one as in 'docker-archive:build/api.tar'", "reference")
    place.check("reference", reference, table.reference)
    if table.role is not None and table.role not in roles:
        raise place.error(f"no role {shorten(table.role, MAX_SHOWN)!r}; {did_you_mean(table.role, roles)}", "role")
    return Listed(table.reference, table.role)


def _role(name: str, raw: Any, origin: str) -> Role:
    place = Place(origin, f"role {shorten(name, MAX_SHOWN)!r}")
    if not name.strip() or not name.isprintable():
        raise place.error("a role needs a printable name")
    table = place.convert(raw, RoleTable, {**_HINTS, "torch": _torch_hint()})
    torch = place.optional("torch", _torch, table.torch)
    _consistent(table, place)
    for key in ("match", "forbid", "require"):
        if len(getattr(table, key)) > MAX_PATTERNS:
            raise place.error(f"more than {MAX_PATTERNS} of them", key)
    role = Role(
        name=name,
        description=table.description,
        match=place.each("match", glob, table.match),
        dockerfile=table.dockerfile,
        torch=torch,
        torch_version=place.optional("torch-version", specifier, table.torch_version),
        torch_elsewhere=table.torch_elsewhere,
        cuda=None if table.cuda == HOST_DEPENDENT else place.optional("cuda", _cuda, table.cuda),
        cuda_runtime=_cuda_runtime(table),
        forbid=place.each("forbid", name_glob, table.forbid),
        require=place.each("require", requirement, table.require),
        python=place.optional("python", specifier, table.python),
        python_command=place.check("python-command", _command, table.python_command),
        size=_size(table, place),
        compressed_size=_limits(place, "compressed-size", table.warn_compressed_size, table.max_compressed_size),
        platform=place.optional("platform", Platform.parse, table.platform),
    )
    _satisfiable(role, place)
    return role


def _consistent(table: RoleTable, place: Place) -> None:
    if table.cuda is not None and table.torch != "cuda":
        stated = f"torch = {table.torch!r}" if table.torch else "no 'torch'"
        raise place.error(f"contradicts the role's {stated}; a CUDA version needs torch = 'cuda'", "cuda")
    if table.cuda_runtime and table.torch not in ("cuda", "any"):
        stated = f"torch = {table.torch!r}" if table.torch else "no 'torch'"
        raise place.error(f"contradicts the role's {stated}; it needs torch = 'cuda' or 'any'", "cuda-runtime")
    if table.cuda == HOST_DEPENDENT and isinstance(table.cuda_runtime, bool):
        raise place.error(f"contradicts cuda = {HOST_DEPENDENT!r}: state one of them", "cuda-runtime")
    if table.torch_version is not None and table.torch in (None, "absent"):
        stated = "contradicts torch = 'absent'" if table.torch else "needs 'torch' to be stated, as in torch = 'any'"
        raise place.error(stated, "torch-version")


def _cuda_runtime(table: RoleTable) -> CudaRuntime | None:
    if HOST_DEPENDENT in (table.cuda, table.cuda_runtime):
        return "report"
    return "demand" if table.cuda_runtime is True else None


def _satisfiable(role: Role, place: Place) -> None:
    """Refuse what no image could satisfy: the same distribution asked for and forbidden."""
    wanted = [_required_name(text) for text in role.require]
    if role.torch == "absent" and "torch" in wanted:
        raise place.error("requires torch, which contradicts torch = 'absent'", "require")
    if role.torch not in (None, "absent"):
        wanted.append("torch")
    for pattern in role.forbid:
        fits = pattern_of(pattern).match
        for name in wanted:
            if fits(name):
                raise place.error(f"{pattern!r} forbids {name}, which the role asks for", "forbid")


def _required_name(text: str) -> str:
    from packaging.requirements import Requirement  # 30 ms, and only where something is required

    return canonical(Requirement(text).name)


def _torch_hint() -> str:
    return f"allowed are {', '.join(['absent', *kind_names()])} and any"


def _torch(text: str) -> TorchRule:
    if text not in ("absent", *kind_names(), "any"):
        raise ValueError(f"Invalid enum value {text!r}; {_torch_hint()}")
    return text


def _cuda(text: str) -> str:
    try:
        return specifier(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {HOST_DEPENDENT!r}") from None


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no command: write a name as in 'python3.12', or an absolute path")
    return text


def api_limits() -> Limits:
    """The limits of a role without torch that states none of its own."""
    return Limits(warn=API_WARN_SIZE, most=API_MAX_SIZE)


def _size(table: RoleTable, place: Place) -> Limits:
    stated = _limits(place, "size", table.warn_size, table.max_size)
    if table.torch != "absent":
        return stated
    usual = api_limits()
    most = usual.most if stated.most is None else stated.most
    if stated.warn is not None and most is not None and stated.warn > most:
        raise place.error(
            f"past the {show_size(most)} at which torch = 'absent' fails unless 'max-size' is stated: state it too",
            "warn-size",
        )
    if stated.warn is not None or most is None or usual.warn is None:
        return Limits(warn=stated.warn, most=most)
    return Limits(warn=usual.warn if usual.warn < most else None, most=most)


def _limits(place: Place, what: str, warn: str | None, most: str | None) -> Limits:
    limits = Limits(
        warn=place.optional(f"warn-{what}", parse_size, warn), most=place.optional(f"max-{what}", parse_size, most)
    )
    if limits.warn is not None and limits.most is not None and limits.warn > limits.most:
        raise place.error(f"larger than 'max-{what}', so it would never warn", f"warn-{what}")
    return limits
