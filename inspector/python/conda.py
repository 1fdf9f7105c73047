"""Packages that conda records in `conda-meta` of an environment."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from inspector.errors import Unsupported
from inspector.oci import decoder
from inspector.python.folders import Folders
from inspector.python.installed import Installed, Notes
from inspector.python.metadata import is_name
from inspector.python.record import by_folder, owned
from inspector.rootfs import Kind, NotKept

MAX_ITEMS = 1_000_000
"""Commas of one record, each of which may stand for a text in memory."""


class CondaRecord(msgspec.Struct, frozen=True):
    """The part of a record that matters; `files` are against the environment's prefix."""

    name: str
    version: str
    build: str = ""
    files: list[str] = []


def conda_packages(folders: Folders, prefix: str, known: AbstractSet[str], notes: Notes) -> Iterator[Installed]:
    """List conda's packages in the environment `prefix`, without those whose Python metadata is among `known` paths."""
    folder = folders.at(posixpath.join(prefix, "conda-meta"))
    if folder.path is None:
        return
    base = posixpath.dirname(folder.path)
    names = sorted(name for name in folder.children if name.endswith(".json"))
    folders.count_distributions(len(names))
    for name in names:
        path = f"{folder.path}/{name}"
        node = folder.children[name]
        if node.kind is not Kind.FILE:
            continue
        record = read_record(folders, path, notes)
        if record is None or any(_metadata(f"{base}/{file}") in known for file in record.files if "-info/" in file):
            continue
        yield Installed(
            name=record.name,
            version=record.version,
            path=path,
            site=base,
            layer=node.layer,
            installer="conda",
            owned=owned(folders, base, by_folder(record.files)),
        )


def read_record(folders: Folders, path: str, notes: Notes) -> CondaRecord | None:
    """Return the record at `path`; None, with a warning, for what is none."""
    try:
        record = _decoded(folders.fs.read(path))
    except (NotKept, Unsupported, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        notes.warnings.append(f"{path!r} can't be read as conda's record of a package: {error}")
        notes.unread.append(path)
        return None
    return record if is_name(record.name.lstrip("_")) else None


def _decoded(content: bytes) -> CondaRecord:
    if content.count(b",") > MAX_ITEMS:  # a list of one-letter names takes twenty times its bytes
        raise Unsupported(f"it has more than {MAX_ITEMS} items")
    return decoder(CondaRecord).decode(content)


def _metadata(path: str) -> str:
    """Return the metadata directory that a file lies in."""
    return path[: path.index("-info/") + len("-info")]
