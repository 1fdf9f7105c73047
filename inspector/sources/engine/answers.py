"""What an engine's archive API answers with: a tar of one file, of one link, or of a directory and all below it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

import msgspec

from inspector.errors import CorruptLayer, LimitExceeded, Malformed
from inspector.layers.directories import Directory, Shelf
from inspector.layers.entries import Entries
from inspector.layers.entry import Entry
from inspector.layers.readers import StreamReader
from inspector.layers.reading import TarReading
from inspector.layers.taking import StreamTaker
from inspector.layers.tar import iter_members
from inspector.layers.tree import LayerTree
from inspector.rootfs import Kind, Node

MADE_BY_ENGINES = frozenset(
    {
        "/.dockerenv",
        "/dev/console",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/mtab",
        "/etc/resolv.conf",
        "/run/.containerenv",
    }
)
"""Files that an engine puts into every container in place of the image's."""
HOLD_SUCH = frozenset({"/", "/dev", "/etc", "/proc", "/run", "/sys"})
"""Directories that hold such."""


class Content(msgspec.Struct, frozen=True):
    """One file or link: its size in bytes, its first bytes as far as asked for, its text."""

    kind: Kind
    size: int
    data: bytes
    link: str


class Subtree:
    """A directory with everything below it, which tells nothing of layers."""

    def __init__(self, top: str, root: Directory, shelf: Shelf, entries: int) -> None:
        self.entries = entries
        self._root = root
        self._shelf = shelf
        self._cut = len(top) + 1

    def node(self, path: str) -> Node | None:
        """Return the node at an absolute path at or below the directory."""
        found = self._shelf.find(self._root, path[self._cut :])
        return None if found is None else _without_layer(self._shelf.node(found))

    def children(self, path: str) -> Mapping[str, Node]:
        """Return what lies in a directory at or below it; empty where that is none."""
        found = self._shelf.find(self._root, path[self._cut :])
        if not isinstance(found, Directory):
            return {}
        return {name: _without_layer(node) for name, node in self._shelf.listing(found).items()}

    def data(self, node: Node) -> bytes:
        """Return the bytes that were kept of a file."""
        return self._shelf.data(node.inode)


def read_single(chunks: Iterator[bytes], size: int) -> Content:
    """Return the first member, with the first `size` bytes of its data. Raises `Malformed`."""
    reader = StreamReader(chunks)
    member = next(iter_members(reader, needs_end=True), None)
    if member is None or member.stored != member.size:
        raise Malformed("the engine's archive of a file holds none, or one in pieces")
    data = reader.read(min(size, member.size))
    if len(data) < min(size, member.size):
        raise Malformed("the engine's archive of a file is cut")
    return Content(member.kind, member.size, data, member.link)


def read_subtree(chunks: Iterator[bytes], top: str, ordinal: int, begun: list[Entry]) -> Subtree:
    """Return the directory `top`, read to the end. `ordinal` tells its inodes from those of other answers.

    Raises `LimitExceeded`, with the entries that came before in `begun`, their paths below `top`; and `Malformed`
    where the tar is cut, corrupt, or of something else.
    """
    reader = StreamReader(chunks)
    reading = TarReading(StreamTaker(reader, objects=False))
    entries, name = reading.entries, posixpath.basename(top)
    try:
        reading.read(reader, needs_end=True)
    except LimitExceeded:
        begun += (_below(entry, name, top) for entry in entries)
        raise
    tree = LayerTree(Entries(_below(entry, name, top) for entry in entries), ordinal, literal=True)
    if tree.unbound or tree.root.number < 0:
        raise Malformed(f"the engine's archive of {top[:300]!a} lacks the directory, or what its hard links point to")
    return Subtree(top, tree.root, tree.shelf, len(entries))


def _below(entry: Entry, name: str, top: str) -> Entry:
    """Return the entry by its path in the directory `name`, with which every name in the archive begins."""
    path, link = entry.path, entry.link
    if path != name and not path.startswith(f"{name}/"):
        raise CorruptLayer(f"the engine's archive of {top[:300]!a} holds {path[:300]!a}")
    if entry.kind is Kind.HARDLINK:
        link = link.removeprefix(f"{name}/")
    return msgspec.structs.replace(entry, path=path[len(name) + 1 :], link=link)


def _without_layer(node: Node) -> Node:
    return msgspec.structs.replace(node, layer=None)
