"""containerd's overlayfs snapshots: unpacked layers, found by the chain of their digests (`storage/bolt.go`).

metadata.db          bucket v1/snapshots/NAMESPACE/N/CHAIN: id, kind, createdat, inodes
snapshots/ID/fs      the files of the layer with this chain id
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from inspector.errors import Malformed
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.bolt import Bucket, read_bolt

FOLDER = "io.containerd.snapshotter.v1.overlayfs"
_ACTIVE, _COMMITTED = b"\x02", b"\x03"
_VARINT = 10


class Snapshot(msgspec.Struct, frozen=True):
    """One layer's entry in the database, by its whole key. `inodes` are its files and the top; None if not noted."""

    database: Path
    key: bytes
    number: int
    created: bytes
    inodes: int | None

    @property
    def files(self) -> Path:
        """The directory of its files."""
        return self.database.parent / "snapshots" / str(self.number) / "fs"

    @property
    def stamp(self) -> str:
        """See `Record.stamp`: containerd takes the entry away before the files."""
        if find(self.database, [_chain_in(self.key)], self.key) != [self]:
            raise AccessUnusable(f"the engine removed {str(self.files)!a}")
        return f"{self.number}:{self.created.hex()}"


def find(database: Path, chain_ids: Sequence[str], key: bytes | None = None) -> list[Snapshot]:
    """Return the snapshots of all `chain_ids`, in their order; with a `key`, under no other.

    Raises `AccessUnusable` where the database can't be read or lacks one, `Malformed`.
    """
    found = find_some(database, chain_ids, lambda own: key in (None, own))
    missing = [chain for chain in chain_ids if chain not in found]
    if missing:
        raise AccessUnusable(f"{str(database)!a} has no layer unpacked for {missing[0]}")
    return [found[chain] for chain in chain_ids]


def find_some(database: Path, chain_ids: Sequence[str], is_meant: Callable[[bytes], bool]) -> dict[str, Snapshot]:
    """Return by chain id those of the snapshots that are there, under a key that is meant. Raises as `find`."""

    def read(top: Bucket) -> dict[str, Snapshot]:
        snapshots = top.within(b"v1", b"snapshots")
        found: dict[str, Snapshot] = {}
        for own, entry in snapshots.buckets() if snapshots else ():
            chain = _chain_in(own)
            if chain in wanted and chain not in found and is_meant(own):
                snapshot = _snapshot(database, own, dict(entry.values()))
                if snapshot is not None:
                    found[chain] = snapshot
        return found

    wanted = set(chain_ids)
    return read_bolt(database, read)


def find_active(database: Path, name: str) -> tuple[Path, list[str]]:
    """Return the directory that a container called `name` writes to, and the chain ids of what it stands on, top first.

    Raises `AccessUnusable` where there is none, or containers of several namespaces are called so, `Malformed`.
    """

    def read(top: Bucket) -> tuple[list[bytes], dict[bytes, dict[bytes, bytes]]]:
        snapshots = top.within(b"v1", b"snapshots")
        entries = {own: dict(entry.values()) for own, entry in snapshots.buckets()} if snapshots else {}
        own = [key for key, values in entries.items() if _chain_in(key) == name and values.get(b"kind") == _ACTIVE]
        return own, entries

    found, entries = read_bolt(database, read)
    if len(found) != 1:
        raise AccessUnusable(f"{str(database)!a} has {len(found)} snapshots of the container")
    number = _unsigned(entries[found[0]].get(b"id", b""))
    if number is None:
        raise Malformed(f"{str(database)!a}: {found[0]!a} has no id")
    below, key = [], entries[found[0]].get(b"parent", b"")
    while key:
        below.append(_chain_in(key))
        key = entries.get(key, {}).get(b"parent", b"")
        if len(below) > len(entries):
            raise Malformed(f"{str(database)!a}: its snapshots stand on each other in a circle")
    return database.parent / "snapshots" / str(number) / "fs", below


def _chain_in(key: bytes) -> str:
    """Return the name that a snapshot was given within its namespace: of a layer, its chain id."""
    return key.decode("utf-8", "replace").split("/", 2)[-1]


def _snapshot(database: Path, key: bytes, values: dict[bytes, bytes]) -> Snapshot | None:
    """Return the entry as a value; None of one that a container may still write to."""
    if values.get(b"kind") != _COMMITTED:
        return None
    number = _unsigned(values.get(b"id", b""))
    if number is None:
        raise Malformed(f"{str(database)!a}: {key!a} has no id")
    zigzag = _unsigned(values.get(b"inodes", b""))  # signed, its sign in the last bit
    return Snapshot(database, key, number, values.get(b"createdat", b""), zigzag // 2 if zigzag else None)


def _unsigned(content: bytes) -> int | None:
    """Return a number in base 128, lowest digits first (encoding/binary in Go)."""
    if not 1 <= len(content) <= _VARINT:
        return None
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(content))
