"""Where the bytes of each file lie in a plain tar that can be sought: one more pass over its headers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

from inspector.layers.entries import Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.readers import FileReader
from inspector.layers.tar import iter_members
from inspector.rootfs import NotKept

_OTHER = "its layer is not the one that its index was made of"


class Offsets:
    """Where the files of a layer begin in its tar: as its index notes, else looked for in the whole tar, once."""

    def __init__(self, index: LayerIndex) -> None:
        self._index = index
        self._every: array[int] | None = None

    def of(self, reader: FileReader, positions: Iterable[int]) -> Mapping[int, int] | array[int]:
        """Return those of the files at `positions`, and perhaps of others. Raises `NotKept`."""
        noted = self._index.objects.offsets
        if self._every is None and noted.keys() >= set(positions):
            return noted
        if self._every is None:
            self._every = offsets_of(reader, self._index.entries)
        return self._every


def offsets_of(reader: FileReader, entries: Entries) -> array[int]:
    """Return where each entry's bytes begin. Raises `NotKept` for another tar than that of `entries`."""
    found = array("Q", bytes(8 * len(entries)))
    at = -1
    for at, member in enumerate(iter_members(reader)):
        if at >= len(entries) or member.size != entries.sizes[at]:
            raise NotKept(_OTHER)
        found[at] = member.offset
    if at + 1 != len(entries):
        raise NotKept(_OTHER)
    return found
