"""The engine's documents on one container: what it is made of, what it runs, and what was changed in it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

import msgspec

from inspector.engine.documents import full_id
from inspector.engine.model import ContainerDocument, MountPoint
from inspector.errors import LimitExceeded
from inspector.oci import Platform, RuntimeConfig, parse

MAX_MOUNTS = 1000
"""Mounts of one container."""
MAX_CHANGES = 16 << 20
"""Bytes of the list of what was changed; an installation of torch makes 3 MB of it."""


class _State(msgspec.Struct, rename="pascal"):
    status: str = ""
    running: bool = False
    paused: bool = False
    started_at: str = ""
    finished_at: str = ""


class _Mount(msgspec.Struct, rename="pascal"):
    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""


class _Host(msgspec.Struct, rename="pascal"):
    tmpfs: dict[str, str] | None = None


class _Descriptor(msgspec.Struct):
    platform: Platform | None = None


class _Document(msgspec.Struct, rename="pascal"):
    id: str
    name: str = ""
    image: str = ""
    state: _State | None = None
    config: RuntimeConfig | None = None
    mounts: list[_Mount] | None = None
    host_config: _Host | None = None
    image_manifest_descriptor: _Descriptor | None = None


class _Change(msgspec.Struct, rename="pascal"):
    path: str
    kind: int = 0


def container_document(content: bytes, where: str) -> ContainerDocument:
    """Return an answer to `/containers/{name}/json`. Raises `Malformed`, `LimitExceeded`."""
    said = parse(content, _Document, where)
    state = said.state or _State()
    described = said.image_manifest_descriptor.platform if said.image_manifest_descriptor else None
    return ContainerDocument(
        id=said.id,
        name=said.name.removeprefix("/"),
        image=full_id(said.image),
        config=said.config or RuntimeConfig(),
        running=state.running and not state.paused,
        state=" ".join((state.status, str(state.paused), state.started_at, state.finished_at)),
        mounts=_mounts(said, where),
        platform=described.normal() if described is not None and described.architecture else None,
    )


def changed_paths(content: bytes, where: str) -> Mapping[str, int]:
    """Return an answer to `/containers/{name}/changes`: 0 for what was changed, 1 added, 2 removed, by path.

    Raises `Malformed`.
    """
    if content.strip() in (b"", b"null"):
        return {}
    return {change.path.strip("/"): change.kind for change in parse(content, list[_Change], where, MAX_CHANGES)}


def _mounts(said: _Document, where: str) -> tuple[MountPoint, ...]:
    """List the mounts by path; those that engines themselves put into every container are left out."""
    tmpfs = said.host_config.tmpfs if said.host_config else None
    found = [MountPoint(_path(each.destination), each.type or "mount", _name(each)) for each in said.mounts or ()]
    found += [MountPoint(_path(path), "tmpfs") for path in tmpfs or ()]
    if len(found) > MAX_MOUNTS:
        raise LimitExceeded(f"{where}: {len(found)} mounts; {MAX_MOUNTS} are allowed")
    return tuple({mount.path: mount for mount in sorted(found, key=lambda each: each.path)}.values())


def _name(mount: _Mount) -> str:
    return mount.name if mount.type == "volume" else mount.source if mount.type == "bind" else ""


def _path(path: str) -> str:
    return "/" + posixpath.normpath("/" + path).strip("/")
