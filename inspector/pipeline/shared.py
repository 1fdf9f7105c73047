"""One run's memory of the layers that several of its images share, so that each is read once even without a cache."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from inspector import work
from inspector.layers.blob import LayerBlob, Meter, Scanned
from inspector.layers.cache import IndexCache
from inspector.layers.gate import Group
from inspector.layers.indexer import Indexed, Indexer
from inspector.layers.memory import GATE, current, hold

if TYPE_CHECKING:
    from inspector.pipeline.ahead import ReadAhead
    from inspector.sources.image import Layer

MAX_KNOWN = 12 << 20
"""Bytes of the indexes that wait for a further image; a layer beyond them is read once for each."""
_TICK = 0.2  # seconds after which a thread that waits for another one's reading helps it on


class _Slot:
    """What is known of one diff_id: an index by the identity of the bytes that it was made of."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reader: Group | None = None
        self.known: list[tuple[str | None, Indexed]] = []
        self.size = 0

    def find(self, identity: str | None) -> Indexed | None:
        """Find an index of these very bytes, or of any that were hashed whole; a claimed diff_id proves nothing."""
        for of, indexed in self.known:
            if indexed.index.verified or (identity is not None and of == identity):
                return indexed
        return None


class SharedIndexer(Indexer):
    """Gives each layer's first reading to all who ask, as it was: an image's evidence says what its answer rests on.

    `expected` are the diff_ids that will be asked for, once for each time; after the last an index is let go.
    """

    def __init__(self, cache: IndexCache | None, *, verify: bool, meter: Meter, expected: Iterable[str]) -> None:
        super().__init__(cache, verify=verify, meter=meter)
        self._left = Counter(expected)
        self._slots: dict[str, _Slot] = {}
        self._guard = threading.Lock()
        self._size = 0
        self._ahead: ReadAhead | None = None

    @contextlib.contextmanager
    def reading_ahead(self, layers: Sequence[Layer], meanwhile: Callable[[], object]) -> Iterator[None]:
        """Have a large layer read by a copy of this process, which must have no threads: see `pipeline.ahead`."""
        from inspector.pipeline.ahead import reading_ahead

        with reading_ahead(layers, self, meanwhile) as self._ahead:
            yield

    def _read(self, diff_id: str, digest: str | None, blob: LayerBlob, identity: str | None) -> Scanned:
        ahead = self._ahead
        if ahead is not None and (ahead.diff_id, ahead.identity) == (diff_id, identity):
            self._ahead = None  # a further reading is for what the first one lacks
            if (found := ahead.take(self._meter)) is not None:
                return found
        return super()._read(diff_id, digest, blob, identity)

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """See `Indexer.index`; who asks while another thread reads the same layer waits for it."""
        if not diff_id:  # it names nothing, so that no two of them are the same layer
            return super().index(diff_id, digest, blob)
        with self._guard:
            slot = self._slots.setdefault(diff_id, _Slot())
        try:
            with _entered(slot):
                return self._once(slot, diff_id, digest, blob)
        finally:
            self._done(diff_id)

    def _once(self, slot: _Slot, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        identity = blob.identity
        indexed = slot.find(identity)
        if indexed is not None:
            hold(indexed.index)
            return indexed
        indexed = super().index(diff_id, digest, blob)
        self._know(slot, diff_id, identity, indexed)
        return indexed

    def _know(self, slot: _Slot, diff_id: str, identity: str | None, indexed: Indexed) -> None:
        """Hold the index for those who ask next, where there is room for it."""
        size = indexed.index.weight
        with self._guard:
            if self._left[diff_id] > 1 and self._size + size <= MAX_KNOWN:
                self._size += size
                slot.size += size
                slot.known.append((identity, indexed))

    def _done(self, diff_id: str) -> None:
        with self._guard:
            self._left[diff_id] -= 1
            if self._left[diff_id] <= 0:
                slot = self._slots.pop(diff_id, None)
                self._size -= slot.size if slot else 0


@contextlib.contextmanager
def _entered(slot: _Slot) -> Iterator[None]:
    """Hold the slot alone. The thread that reads its layer meanwhile may take memory as those that wait for it may."""
    group = current() or Group()
    with work.waiting():
        while not slot.lock.acquire(timeout=_TICK):
            work.check()
            with GATE.helping(group, slot.reader):
                if slot.lock.acquire(timeout=_TICK):
                    break
    try:
        slot.reader = group
        yield
    finally:
        slot.reader = None
        slot.lock.release()
