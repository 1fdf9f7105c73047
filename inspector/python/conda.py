"""Packages that conda records in `conda-meta` of an environment."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from inspector.oci import decoder
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.metadata import is_name
from inspector.python.record import MAX_ROWS, owned
from inspector.rootfs import Kind, NotKept

MAX_RECORDS = 5000
"""Packages of one environment that are taken in."""


class CondaRecord(msgspec.Struct, frozen=True):
    """The part of a record that matters; `files` are against the environment's prefix."""

    name: str
    version: str
    build: str = ""
    files: list[str] = []


def conda_packages(folders: Folders, prefix: str, known: AbstractSet[str], warnings: list[str]) -> Iterator[Installed]:
    """Conda's packages in the environment `prefix`, without those whose Python metadata is among `known` paths."""
    folder = folders.at(posixpath.join(prefix, "conda-meta"))
    if folder.path is None:
        return
    base = posixpath.dirname(folder.path)
    names = sorted(name for name in folder.children if name.endswith(".json"))
    for name in names[:MAX_RECORDS]:
        path = f"{folder.path}/{name}"
        node = folder.children[name]
        if node.kind is not Kind.FILE:
            continue
        record = read_record(folders, path, warnings)
        if record is None or any(_metadata(f"{base}/{file}") in known for file in record.files if "-info/" in file):
            continue
        yield Installed(
            name=record.name,
            version=record.version,
            path=path,
            site=base,
            layer=node.layer,
            installer="conda",
            owned=owned(folders, base, record.files[:MAX_ROWS]),
        )


def read_record(folders: Folders, path: str, warnings: list[str]) -> CondaRecord | None:
    """The record at `path`; None, with a warning, for what is none."""
    try:
        record = decoder(CondaRecord).decode(folders.fs.read(path))
    except (NotKept, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        warnings.append(f"{path!r} can't be read as conda's record of a package: {error}")
        return None
    return record if is_name(record.name.lstrip("_")) else None


def _metadata(path: str) -> str:
    """The metadata directory that a file lies in."""
    return path[: path.index("-info/") + len("-info")]
