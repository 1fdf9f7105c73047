"""The largest layer of an image, read by a copy of this process while this one reads the others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from inspector import work
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

LEAST = 256 << 20
"""Bytes of a layer's files from which on it is worth it: a copy takes some 5 ms, such a layer 20 ms and more."""


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    """What the copy found: see `Scanned`; `metered` are the bytes that a meter is told."""

    packed: bytes
    bytes_read: int
    how: str
    notes: tuple[str, ...]
    metered: int


_DECODER = msgspec.msgpack.Decoder(_Answer)
"""Made once: several threads may read ahead."""


class ReadAhead(msgspec.Struct, frozen=True):
    """A layer that is being read, the identity that its blob had before, and what else there is to do meanwhile."""

    diff_id: str
    identity: str | None
    aside: work.Aside
    meanwhile: Callable[[], object]

    def take(self, meter: Meter) -> Scanned | None:
        """Return what was read, waiting for it; None where that failed, for a reason that reading it again tells."""
        self.meanwhile()
        found = self.aside.take()
        if found is None:
            return None
        answer = _DECODER.decode(found)
        index = memory.load(lambda: codec.decode(answer.packed))
        if index is None:
            return None
        meter(answer.metered)
        return Scanned(index, answer.bytes_read, answer.how, answer.notes, packed=answer.packed, sums=self._sums)

    def _sums(self) -> Mapping[int, bytes]:
        return unpack_sums(self.aside.take() or b"")


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
        return None  # whoever asks for the layer is told why
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
    """Yield the layer's index, then the sums of its sources; in the copy."""
    identity = blob.identity
    counts: list[int] = []

    def meter(count: int) -> None:
        work.advance(count)
        counts.append(count)

    found = blob.scan(diff_id, digest, verify=False, meter=meter)
    assert not found.index.objects.symbols, "they aren't packed with an index"
    answer = _Answer(codec.encode(found.index), found.bytes_read, found.how, found.notes, sum(counts))
    yield msgspec.msgpack.encode(answer)
    sums = Binaries(found.index, blob, identity).sums(_sources(found.index.entries))
    if taken := {at: each for at, each in sums.items() if isinstance(each, bytes)}:
        yield pack_sums(taken)


def _sources(entries: Entries) -> list[int]:
    """Return the positions of the sources that `import torch` may read."""
    parents = enumerate(entries.parents)
    homes = {at for at, parent in parents if holds_sources(parent) or parent.endswith("-packages")}
    file = CODES[Kind.FILE]
    own = (at for at, home in enumerate(entries.homes) if home in homes and entries.kinds[at] == file)
    return [at for at in own if is_summed(entries.path(at))]
