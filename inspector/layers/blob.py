"""Where the bytes of a layer can be had: the seam between sources and the reading of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import msgspec

from inspector.elf import NotElf, Skeleton, Source, Symbols
from inspector.layers.entry import LayerIndex
from inspector.layers.readers import FileReader

Meter = Callable[[int], None]
"""Told the count of stored bytes each time some were read or skipped; for a progress display."""


class Parted(Protocol):
    """The files of a layer that lies elsewhere, each fetched in parts when it is asked for."""

    @property
    def bytes_read(self) -> int:
        """Bytes that were fetched so far."""

    def open_file(self, index: LayerIndex, position: int) -> AbstractContextManager[Source]:
        """See `Reopenable.open_file`."""


class Ahead(Protocol):
    """What is found out of a layer's files elsewhere, while what reads them goes on."""

    def sums(self) -> Mapping[int, bytes]:
        """Return the sums of sources, by position; it is asked once."""

    def elf(self, position: int) -> tuple[Skeleton | NotElf, Symbols | None] | None:
        """Return what is to be known of an ELF file, once; None where that is found out here."""


class Scanned(msgspec.Struct, frozen=True):
    """A layer's index, and what it took: bytes read from the medium, and the way (`seek`, `stream` or `toc`).

    `notes` tell of the reading what is no matter of the index, such as why a shorter way could not be taken. `files`
    are those of a layer that was read by its table of contents, to be fetched later on. Where another process
    read it, `packed` is the index as the cache keeps it, and `ahead` gives what it finds out meanwhile.
    """

    index: LayerIndex
    bytes_read: int
    how: str
    notes: tuple[str, ...] = ()
    files: Parted | None = None
    packed: bytes | None = None
    ahead: Ahead | None = None


@runtime_checkable
class Reopenable(Protocol):
    """A blob whose files can be read at random later on, as long as its `identity` is what it was."""

    def open_file(self, index: LayerIndex, position: int) -> AbstractContextManager[Source]:
        """Open the regular file that has a position in the index of this blob. Raises `NotKept`, `OSError`."""


@runtime_checkable
class Remote(Protocol):
    """A blob that lies elsewhere and may have a table of contents by which its files are fetched."""

    def files(self) -> Parted | None:
        """Return its files; None where there is no such table, or it is not to be believed."""


@runtime_checkable
class Seekable(Protocol):
    """A blob that may be a plain tar in a file, in which any place can be read."""

    def is_plain(self) -> bool:
        """Tell whether it is a plain tar. Raises `OSError`."""

    def reader(self) -> AbstractContextManager[FileReader]:
        """Open the tar. Raises `OSError`."""


@runtime_checkable
class Unpacked(Protocol):
    """A blob whose files lie each for itself in directories."""

    def readers(self, index: LayerIndex, positions: list[int]) -> Iterator[tuple[int, Callable[[int], bytes]]]:
        """Yield positions of regular files, each with a function that returns so many first bytes of it.

        The function is to be called before the next one is asked for. Raises as `Reopenable.open_file`, it too.
        """


@runtime_checkable
class Repeatable(Protocol):
    """A blob whose bytes, as stored, can be had again from first to last."""

    def stored(self) -> Iterator[bytes]:
        """Return its bytes. Raises what reading them raises."""


class LayerBlob(Protocol):
    """One layer's bytes as a medium stores them, which can be read again and again."""

    @property
    def identity(self) -> str | None:
        """A name for exactly these bytes, known without reading them; None if there is none."""

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """Read the layer once, and check it against `diff_id` and, if given, the `digest` of the stored bytes.

        Unless `verify`, plain tars are sought over, and where bytes come from afar, tables of contents are believed.
        Raises `CorruptLayer`, `DigestMismatch`, `LimitExceeded`.
        """
