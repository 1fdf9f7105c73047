"""The largest layer of an image, read by a copy of this process while this one reads the others."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from inspector import work
from inspector.elf import NotElf, Skeleton, Symbols
from inspector.errors import InspectorError
from inspector.layers import codec, memory
from inspector.layers.binaries import Binaries
from inspector.layers.blob import LayerBlob, Meter, Scanned
from inspector.layers.entries import CODES, Entries
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexer
from inspector.layers.sums import holds_sources, is_summed, pack_sums, unpack_sums
from inspector.rootfs import Kind
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.image import Layer

MAX_OBJECTS = 400
"""ELF files of a layer that are read ahead: `import torch` loads 60 of its CUDA build; other packages have more."""
MAX_BYTES = 16 << 20
"""Bytes of the answers about ELF files that are kept; those of torch's CUDA build take 0.7 MB."""
LEAST = 256 << 20
"""Bytes of a layer's files from which on it is worth it: a copy takes some 5 ms, such a layer 20 ms and more."""
_PACKAGES = re.compile(r"-packages(/|\Z)")
_LIBRARY = re.compile(r"\.so(\.[0-9.]+)?\Z")


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    """The copy's first answer: see `Scanned`. `metered` are the bytes for the progress display.

    `objects` are the positions of the ELF files that it goes on to read.
    """

    packed: bytes
    bytes_read: int
    how: str
    notes: tuple[str, ...]
    metered: int
    objects: set[int]


class _Sums(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The next one: the sums of sources."""

    packed: bytes


class _Object(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Each further one: an ELF file, or one that was taken for such a file by its name."""

    position: int
    skeleton: Skeleton | NotElf
    symbols: Symbols | None


_FIRST = msgspec.msgpack.Decoder(_Answer)
_FURTHER: msgspec.msgpack.Decoder[_Sums | _Object] = msgspec.msgpack.Decoder(_Sums | _Object)


class ReadAhead:
    """A layer that is being read, the identity that its blob had before, and what else there is to do meanwhile."""

    def __init__(self, diff_id: str, identity: str | None, aside: work.Aside, meanwhile: Callable[[], object]) -> None:
        self.diff_id = diff_id
        self.identity = identity
        self.aside = aside
        self._meanwhile = meanwhile
        self._sums: Mapping[int, bytes] | None = None
        self._expected: set[int] = set()
        self._objects: dict[int, _Object] = {}
        self._left = MAX_BYTES

    def take(self, meter: Meter) -> Scanned | None:
        """Return what was read, waiting for it; None where that failed, for a reason that reading it again tells."""
        self._meanwhile()
        found = self.aside.take()
        if found is None:
            return None
        answer = _FIRST.decode(found)
        index = memory.load(lambda: codec.decode(answer.packed))
        if index is None:
            return None
        meter(answer.metered)
        self._expected = answer.objects
        return Scanned(index, answer.bytes_read, answer.how, answer.notes, packed=answer.packed, ahead=self)

    def sums(self) -> Mapping[int, bytes]:
        """See `Ahead.sums`."""
        while self._sums is None and self._take_further():
            pass
        return self._sums or {}

    def elf(self, position: int) -> tuple[Skeleton | NotElf, Symbols | None] | None:
        """See `Ahead.elf`."""
        while position in self._expected and self._take_further():
            pass
        found = self._objects.pop(position, None)
        return None if found is None else (found.skeleton, found.symbols)

    def _take_further(self) -> bool:
        """Wait for the next answer; False where there is none."""
        found = self.aside.take()
        if found is None:
            return False
        match _FURTHER.decode(found):
            case _Sums(packed):
                self._sums = unpack_sums(packed)
            case answer:
                self._expected.discard(answer.position)
                if len(found) <= self._left:
                    self._left -= len(found)
                    self._objects[answer.position] = answer
        return True


@contextlib.contextmanager
def reading_ahead(
    layers: Iterable[Layer], indexer: Indexer, meanwhile: Callable[[], object]
) -> Iterator[ReadAhead | None]:
    """Have the largest layer read, if it is large enough and `indexer` would have to read it.

    `meanwhile` is called before the copy is waited for.
    """
    largest = max(layers, key=_size, default=None)
    begun = None if largest is None or _size(largest) < LEAST else _begin(largest, indexer, meanwhile)
    try:
        yield begun
    finally:
        if begun is not None:
            begun.aside.close()


def _begin(layer: Layer, indexer: Indexer, meanwhile: Callable[[], object]) -> ReadAhead | None:
    try:
        identity = layer.blob.identity
    except InspectorError:
        return None  # reading the layer raises it again
    if not layer.diff_id or indexer.verify or indexer.has(layer.diff_id, identity):
        return None
    aside = work.aside(lambda: _read(layer.diff_id, layer.digest, layer.blob))
    return None if aside is None else ReadAhead(layer.diff_id, identity, aside, meanwhile)


def _size(layer: Layer) -> int:
    """Return the bytes of the files of a layer that is read by its headers or its directory alone; 0 of others."""
    blob = layer.blob
    if isinstance(blob, DiffDirectory):
        return blob.size or layer.stored_size
    return blob.length if isinstance(blob, FileRange) and not layer.compressed else 0


def _read(diff_id: str, digest: str | None, blob: LayerBlob) -> Iterator[bytes]:
    """Yield the layer's index, then the sums of its sources, then its ELF files; in the copy."""
    identity = blob.identity
    counts: list[int] = []

    def meter(count: int) -> None:
        work.advance(count)
        counts.append(count)

    found = blob.scan(diff_id, digest, verify=False, meter=meter)
    assert not found.index.objects.symbols, "they aren't packed with an index"
    encode, objects = msgspec.msgpack.encode, _libraries(found.index.entries)
    packed = codec.encode(found.index)
    yield encode(_Answer(packed, found.bytes_read, found.how, found.notes, sum(counts), set(objects)))
    binaries = Binaries(found.index, blob, identity)
    sums = binaries.sums(_sources(found.index.entries))
    yield encode(_Sums(pack_sums({at: each for at, each in sums.items() if isinstance(each, bytes)})))
    for at in objects:
        skeleton = binaries.skeleton(at)
        yield encode(_Object(at, skeleton, None if isinstance(skeleton, NotElf) else binaries.symbols(at)))


def _sources(entries: Entries) -> list[int]:
    """Return the positions of the sources that `import torch` may read."""
    found = _files_in(entries, lambda folder: holds_sources(folder) or folder.endswith("-packages"))
    return [at for at in found if is_summed(entries.path(at))]


def _libraries(entries: Entries) -> list[int]:
    """Return the positions of the libraries that are asked for, in about that order: NVIDIA's, torch's, others'."""
    found = {at: entries.path(at) for at in _files_in(entries, _PACKAGES.search)}
    chosen = [at for at, path in found.items() if _LIBRARY.search(path)]
    return sorted(chosen, key=lambda at: ("/nvidia/" not in found[at], "/torch/" not in found[at], at))[:MAX_OBJECTS]


def _files_in(entries: Entries, wanted: Callable[[str], object]) -> Iterator[int]:
    """Yield the positions of the regular files in the folders that are `wanted`."""
    homes = {at for at, parent in enumerate(entries.parents) if wanted(parent)}
    file = CODES[Kind.FILE]
    return (at for at, home in enumerate(entries.homes) if home in homes and entries.kinds[at] == file)
