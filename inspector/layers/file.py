"""A layer that is a run of bytes in a file: sought over where it lies plain there, else read through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from inspector.errors import CorruptLayer
from inspector.layers.blob import Meter, Scanned
from inspector.layers.compression import CHUNK, sniff
from inspector.layers.memory import share
from inspector.layers.readers import FileReader
from inspector.layers.scan import make_index, read_entries, scan_stream
from inspector.layers.tar import BLOCK, EndMissing


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
        with self.path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self.offset + self.length:
                raise CorruptLayer(
                    f"{str(self.path)!r} is cut: the layer at byte {self.offset} has {self.length} bytes"
                )
            file.seek(self.offset)
            head = file.read(min(BLOCK, self.length))
            if head and not verify and sniff(head) == "tar":
                try:
                    return self._seek(file, diff_id, meter)
                except EndMissing:
                    pass  # only the digest can tell now whether the tar was cut
            file.seek(self.offset)
            return scan_stream(_chunks(file, self.length), diff_id, digest, meter=meter)

    def _seek(self, file: BinaryIO, diff_id: str, meter: Meter) -> Scanned:
        """The index of a plain tar: its headers, and the files that matter; nothing else is touched.

        Raises `EndMissing` besides what the scanner raises.
        """
        reader = FileReader(file, self.offset, self.length)
        with share() as taken:
            entries, warnings = read_entries(reader, taken, needs_end=True)
            index = make_index(diff_id, entries, warnings, verified=False)
            taken.hold(index)
        meter(self.length)
        return Scanned(index, reader.bytes_read, "seek")


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    """The next `length` bytes of `file`; fewer if it ends before."""
    while length and (chunk := file.read(min(CHUNK, length))):
        length -= len(chunk)
        yield chunk
