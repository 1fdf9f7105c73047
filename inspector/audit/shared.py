"""One run's memory of the layers that several of its images share, so that each is read once even without a cache."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from inspector import work
from inspector.layers.blob import LayerBlob, Meter
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexed, Indexer


class _Slot:
    """What is known of one diff_id: an index by the identity of the bytes that it was made of."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: list[tuple[str | None, Indexed]] = []

    def find(self, identity: str | None) -> Indexed | None:
        """An index of these very bytes, or of any that were hashed whole; a claimed diff_id alone proves nothing."""
        for of, indexed in self.known:
            if indexed.index.verified or (identity is not None and of == identity):
                return indexed
        return None


class SharedIndexer(Indexer):
    """Gives each layer's first reading to all who ask, as it was: an image's evidence tells what its answer rests on.

    `expected` are the diff_ids that will be asked for, once for each time; after the last an index is let go.
    """

    def __init__(self, cache: IndexCache | None, *, verify: bool, meter: Meter, expected: Iterable[str]) -> None:
        super().__init__(cache, verify=verify, meter=meter)
        self._left = Counter(expected)
        self._slots: dict[str, _Slot] = {}
        self._guard = threading.Lock()

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """See `Indexer.index`; who asks while another thread reads the same layer waits for it."""
        with self._guard:
            slot = self._slots.setdefault(diff_id, _Slot())
        try:
            with work.waiting():
                slot.lock.acquire()
            try:
                return self._once(slot, diff_id, digest, blob)
            finally:
                slot.lock.release()
        finally:
            self._done(diff_id)

    def _once(self, slot: _Slot, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        identity = blob.identity
        indexed = slot.find(identity)
        if indexed is None:
            indexed = super().index(diff_id, digest, blob)
            slot.known.append((identity, indexed))
        return indexed

    def _done(self, diff_id: str) -> None:
        with self._guard:
            self._left[diff_id] -= 1
            if self._left[diff_id] <= 0:
                self._slots.pop(diff_id, None)
