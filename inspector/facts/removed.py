"""What later layers removed: the bytes of a layer that no path of the image leads to, and the layer that did it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.errors import LimitExceeded
from inspector.layers.entries import CODES, Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.tree import OPAQUE, WHITEOUT
from inspector.rootfs import MOUNTED, Kind, Rootfs

MAX_WHITEOUTS = 100_000
"""Whiteouts of an image, past which nobody looks what each of them hides."""
_FILE, _SYMLINK = CODES[Kind.FILE], CODES[Kind.SYMLINK]


class Removed(NamedTuple):
    """A file that is gone: its layer, path and bytes, how it went, and the layer that removed it if that is clear."""

    layer: int
    path: str
    size: int
    category: str
    by: int | None


def removed(fs: Rootfs, indexes: Sequence[LayerIndex], alive: Sequence[bytearray]) -> Iterator[Removed]:
    """Yield what is gone of each layer; `alive` marks the positions of entries that some path leads to.

    No category has what lies where every container mounts another file system: it is no waste.
    """
    hidden = Hidden(indexes)
    for layer, index in enumerate(indexes):
        entries, marks = index.entries, alive[layer]
        for position, kind in enumerate(entries.kinds):
            if marks[position] or kind not in (_FILE, _SYMLINK):
                continue
            size = size_of(entries, position)
            if size:
                path = entries.path(position)
                fs.budget.spend("steps", path.count("/") + 2, "files that later layers removed")
                mounted = path.partition("/")[0] in MOUNTED
                category, by = ("", None) if mounted else hidden.why(fs, layer, path, size)
                yield Removed(layer, path, size, category, by)


def size_of(entries: Entries, position: int) -> int:
    """Return the bytes that an entry counts for: of a symbolic link, those of its text."""
    if entries.kinds[position] == _SYMLINK:
        return len(entries.link(position).encode("utf-8", "surrogateescape"))
    return int(entries.sizes[position])


class Hidden:
    """The paths that whiteouts hide, each with the layers that do so, and the folders that are opaque."""

    def __init__(self, indexes: Sequence[LayerIndex]) -> None:
        self._left = MAX_WHITEOUTS
        self._paths: dict[str, list[int]] = {}
        self._inside: dict[str, list[int]] = {}
        for layer, index in enumerate(indexes):
            if WHITEOUT.encode() in index.entries.names:
                self._take(layer, index.entries)

    def _take(self, layer: int, entries: Entries) -> None:
        for position in range(len(entries)):
            name = entries.name(position)
            if not name.startswith(WHITEOUT):
                continue
            self._left -= 1
            if self._left < 0:
                raise LimitExceeded(f"its layers have more than {MAX_WHITEOUTS} whiteouts")
            parent = entries.parents[entries.homes[position]]
            if name == OPAQUE:
                self._inside.setdefault(parent, []).append(layer)
            else:
                path = f"{parent}/{name[len(WHITEOUT) :]}" if parent else name[len(WHITEOUT) :]
                self._paths.setdefault(path, []).append(layer)

    def why(self, fs: Rootfs, layer: int, path: str, size: int) -> tuple[str, int | None]:
        """Return the category of a file that is gone, and the first layer above its own that hides or replaces it."""
        found = self._by(layer, path)
        if found is not None:
            return "deleted", found
        node = fs.lstat(f"/{path}")
        if node is None:
            return "deleted", None
        same = node.kind is Kind.FILE and node.size == size and node.layer != layer
        return "copied-again" if same else "replaced", node.layer

    def _by(self, layer: int, path: str) -> int | None:
        later: list[int] = []
        here = path
        while here:
            later += [each for each in self._paths.get(here, ()) if each > layer]
            here = here.rpartition("/")[0]
            later += [each for each in self._inside.get(here, ()) if each > layer]
        return min(later, default=None)
