"""Where the bytes of a layer can be had: the seam between sources and the reading of layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from inspector.layers.entry import LayerIndex

Meter = Callable[[int], None]
"""Told the count of stored bytes each time some were read or skipped; for a progress display."""


class Scanned(msgspec.Struct, frozen=True):
    """A layer's index, and what it took: bytes read from the medium, and the way (`seek` or `stream`)."""

    index: LayerIndex
    bytes_read: int
    how: str


class LayerBlob(Protocol):
    """One layer's bytes as a medium stores them, which can be read again and again."""

    @property
    def identity(self) -> str | None:
        """A name for exactly these bytes, known without reading them; None if there is none."""

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """Read the layer once, and check it against `diff_id` and, if given, the `digest` of the stored bytes.

        Plain tars are sought over unless `verify`. Raises `CorruptLayer`, `DigestMismatch`, `LimitExceeded`.
        """


class FileRange(msgspec.Struct, frozen=True):
    """A run of bytes in a file on disk: a blob of a layout, or a member of an uncompressed archive."""

    path: Path
    offset: int
    length: int

    @property
    def identity(self) -> str:
        """Device, inode, size and times of the file, and the run: changes whenever the bytes may have.

        The time of change is there because that of modification can be set back by whoever writes the file.
        """
        stat = self.path.stat()
        file = f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
        return f"{file}:{self.offset}:{self.length}"

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`."""
        from inspector.layers.scan import scan_file  # noqa: PLC0415 - the reader is built on this seam

        return scan_file(self, diff_id, digest, verify=verify, meter=meter)
