"""Where the bytes of each file lie in a plain tar that can be sought: one more pass over its headers."""

from __future__ import annotations

from array import array

from inspector.layers.entries import Entries
from inspector.layers.readers import FileReader
from inspector.layers.tar import iter_members
from inspector.rootfs import NotKept

_OTHER = "its layer is not the one that its index was made of"


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
