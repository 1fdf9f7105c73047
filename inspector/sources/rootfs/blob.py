"""The bytes of a root file system: a directory, or a tar on disk. Each is read when it is opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import InspectorError, Malformed, Unsupported
from inspector.layers.blob import Meter, Scanned
from inspector.layers.file import FileRange
from inspector.layers.scan import make_index
from inspector.rootfs import NotKept
from inspector.sources.access import AccessUnusable
from inspector.sources.below import CHANGED, FOLLOWED, file_below, readers_below
from inspector.sources.rootfs.walk import RootWalk, unreadable

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.entry import LayerIndex

_BY_DESCRIPTOR = os.open in os.supports_dir_fd
"""Whether files can be opened in a directory that is open itself, which no link leads out of."""


class RootDirectory:
    """The files below the directory `path`, which is walked once, in `read`.

    Nothing tells whether a directory changed as a whole, so that it has no identity. A file that is read later must not
    have changed after the newest of those that were walked over.
    """

    identity = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest = 0
        self._found: Scanned | None = None

    def read(self, meter: Meter) -> Scanned:
        """Walk over the directory. Raises `NotFound` where a part of it can't be read, `Malformed`, `LimitExceeded`.

        `Unsupported` where the system has no means to keep to it.
        """
        if not _BY_DESCRIPTOR:
            raise Unsupported(
                f"{str(self._path)!a} is a directory, and this system can't read one safely; pack it: "
                "tar -C DIRECTORY -c . | inspector show rootfs:-"
            )
        walk = RootWalk(self._path, meter)
        try:
            walk.run()
        except AccessUnusable as error:
            raise Malformed(f"{error}; read it while nothing writes there") from error
        except FileNotFoundError as error:
            raise Malformed(
                f"{str(self._path / os.fsdecode(error.filename or ''))!a} went away while it was read; read it while "
                "nothing writes there"
            ) from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._newest = walk.latest
        self._found = Scanned(make_index("", walk, verified=False), walk.bytes_read, "walk")
        return self._found

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - it has neither
        """See `LayerBlob.scan`. Raises `Unsupported` where digests are to be verified: there is none."""
        if verify:
            raise Unsupported(
                f"{str(self._path)!a} is a directory, of which no digest can be verified; leave out --verify"
            )
        return self._found or self.read(meter)

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`. No link is followed on the way."""
        path, size = index.entries.path(position), index.entries.sizes[position]
        with file_below(self._path, path, size, FOLLOWED) as (source, status):
            if status.st_ctime_ns > self._newest:
                raise NotKept(CHANGED)
            yield source

    def readers(self, index: LayerIndex, positions: list[int]) -> Iterator[tuple[int, Callable[[int], bytes]]]:
        """See `Unpacked`. No link is followed on the way."""
        return readers_below(self._path, index.entries, positions, FOLLOWED, self._newest)


class RootTar(FileRange, frozen=True):
    """A tar in a file, of which `found` was read while it had the identity `state`."""

    found: Scanned
    state: str

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`. What was read at once is not read again, unless it is to be verified."""
        if self.identity != self.state:
            raise Malformed(f"{str(self.path)!a} changed while it was read; read it while nothing writes there")
        if verify and not self.found.index.verified:
            return FileRange.scan(self, diff_id, digest, verify=True, meter=meter)
        return self.found


def read_tar(path: Path, meter: Meter) -> RootTar:
    """Read the tar of a root file system: its headers where it is plain, else all of it.

    Raises `Malformed`, `LimitExceeded`.
    """
    plain = FileRange(path, 0, path.stat().st_size)
    state = plain.identity
    try:
        found = plain.scan("", None, verify=False, meter=meter)
    except InspectorError as error:
        raise type(error)(f"{path}: {str(error).replace('the layer', 'the tar')}") from error
    return RootTar(path, 0, plain.length, found, state)
