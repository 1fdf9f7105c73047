"""The one way to a layer's index: from the cache, from whoever is reading it just now, or by reading it."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import msgspec

from inspector.layers.blob import LayerBlob, Meter
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex


class Indexed(msgspec.Struct, frozen=True):
    """A layer's index, whether it was had without reading the layer, the bytes read, and the way.

    `how` is `cache`, `shared` (another thread read the same layer meanwhile), or what `Scanned.how` says.
    """

    index: LayerIndex
    cached: bool
    bytes_read: int
    how: str


class _Shared(msgspec.Struct, frozen=True):
    """What a thread that reads a layer tells those that wait for it."""

    indexed: Indexed | None
    error: Exception | None
    identity: str | None


class Indexer:
    """Reads each layer once, whoever asks; from any thread.

    With `verify`, only an index whose bytes were all hashed will do. Nothing is remembered but by the cache.
    """

    def __init__(self, cache: IndexCache | None, *, verify: bool, meter: Meter) -> None:
        self._cache = cache
        self._verify = verify
        self._meter = meter
        self._lock = threading.Lock()
        self._reading: dict[str, Future[_Shared]] = {}

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """The index of the layer `diff_id`, stored as `blob` under `digest`. Raises what `LayerBlob.scan` raises."""
        while True:
            ours: Future[_Shared] = Future()
            with self._lock:
                reading = self._reading.setdefault(diff_id, ours)
            if reading is ours:
                return self._lead(ours, diff_id, digest, blob)
            shared = self._accept(reading.result(), blob)
            if shared is not None:
                return shared

    def _lead(self, ours: Future[_Shared], diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """Get the index for ourselves and for those who wait; they go on when we are done, however that was."""
        identity: str | None = None
        indexed: Indexed | None = None
        failure: Exception | None = None
        try:
            identity = blob.identity
            indexed = self._cached(diff_id, identity) or self._scan(diff_id, digest, blob, identity)
        except Exception as error:
            failure = error
            raise
        finally:
            with self._lock:
                del self._reading[diff_id]
            ours.set_result(_Shared(indexed, failure, identity))
        return indexed

    def _cached(self, diff_id: str, identity: str | None) -> Indexed | None:
        if self._cache is None:
            return None
        index = self._cache.get_verified(diff_id)
        if index is None and identity is not None and not self._verify:
            index = self._cache.get_unverified(diff_id, identity)
        return None if index is None else Indexed(index, cached=True, bytes_read=0, how="cache")

    def _scan(self, diff_id: str, digest: str | None, blob: LayerBlob, identity: str | None) -> Indexed:
        scanned = blob.scan(diff_id, digest, verify=self._verify, meter=self._meter)
        if self._cache is not None and scanned.index.diff_id == diff_id:
            unchanged = identity is not None and blob.identity == identity
            self._cache.put(scanned.index, identity if unchanged else None)
        return Indexed(scanned.index, cached=False, bytes_read=scanned.bytes_read, how=scanned.how)

    def _accept(self, shared: _Shared, blob: LayerBlob) -> Indexed | None:
        """What another thread found, if it goes for our bytes too: hashed to the same digest, or the very same."""
        if shared.indexed is not None and shared.indexed.index.verified:
            return Indexed(shared.indexed.index, cached=True, bytes_read=0, how="shared")
        if shared.identity is None or shared.identity != blob.identity:
            return None
        if shared.error is not None:
            raise shared.error
        if shared.indexed is None:
            return None
        return Indexed(shared.indexed.index, cached=True, bytes_read=0, how="shared")
