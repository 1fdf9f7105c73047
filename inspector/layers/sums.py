"""The SHA-256 sums of Python sources that `import torch` may read, taken while their layer goes by.

Of a layer that can be sought, they are taken when they are asked for: most images are asked for none.

An installer's list of files (RECORD) states such a sum of each file: an edit that leaves a file's size as it was shows
in nothing else. Half of a sum is kept: to find another source with the same half is as hopeless as with the whole.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Protocol

from inspector.layers.numbers import little

SIZE = 16
"""Bytes that are kept of a sum."""
MAX_SOURCE = 4 << 20
"""Bytes of one source; Python's own have at most one of 0.3 MB, torch's of 0.5 MB."""
MAX_FILES = 50_000
"""Sums of one layer; a torch has 2,400 sources."""
MAX_BYTES = 1 << 30
"""Bytes of all sources of one layer that are summed; a torch has 47 MB of them."""

MODULE = b"typing_extensions.py"
"""A module that `import torch` reads from the folder of all distributions."""
OF_SUM = 170
"""Bytes of memory that one takes, by its position."""

_PLACE = 4  # bytes of a position
_FOLDERS = ("/torch/", "/torchgen/", "/numpy/")


class Room(Protocol):
    """Memory that several layers may take together."""

    def take(self, size: int) -> None:
        """Hold so many bytes more. Raises `LimitExceeded`."""


def holds_sources(folder: str) -> bool:
    """Tell whether the sources in a folder are summed, by its name: RECORD, which tells better, may come later."""
    within = f"/{folder}/"
    return any(each in within for each in _FOLDERS)


def is_summed(path: str) -> bool:
    """Tell whether a file is such a source."""
    folder, _, name = path.rpartition("/")
    return name == MODULE.decode() or (name.endswith(".py") and holds_sources(folder))


def sum_of(content: bytes) -> bytes:
    """Return what is kept of a content's sum."""
    return hashlib.sha256(content).digest()[:SIZE]


class Summing:
    """Takes the sums of one layer's sources into `sums`, by position, until no bytes are `left`."""

    def __init__(self, sums: dict[int, bytes], room: Room | None = None) -> None:
        self._sums = sums
        self._room = room
        self.left = MAX_BYTES

    def fits(self, size: int) -> bool:
        """Tell whether a source of `size` bytes is summed."""
        return 0 < size <= min(MAX_SOURCE, self.left) and len(self._sums) < MAX_FILES

    def add(self, position: int, content: bytes) -> None:
        """Take the sum of a source that fits. Raises `LimitExceeded`."""
        self.put(position, self.sum(content))

    def sum(self, content: bytes) -> bytes:
        """Return the sum of a source that fits, whose position is not known yet."""
        self.left -= len(content)
        return sum_of(content)

    def put(self, position: int, found: bytes) -> None:
        """Take a sum. Raises `LimitExceeded`."""
        if self._room is not None:
            self._room.take(OF_SUM)
        self._sums[position] = found


def pack_sums(found: Mapping[int, bytes]) -> bytes:
    """Return sums by position as bytes."""
    return little(array("I", found)).tobytes() + b"".join(found.values())


def unpack_sums(packed: bytes) -> dict[int, bytes]:
    """Return the sums of which `pack_sums` made `packed`; none of anything else."""
    count, rest = divmod(len(packed), _PLACE + SIZE)
    if rest:
        return {}
    places, begin = little(array("I", packed[: _PLACE * count])), _PLACE * count
    return {at: packed[begin + SIZE * n : begin + SIZE * (n + 1)] for n, at in enumerate(places)}
