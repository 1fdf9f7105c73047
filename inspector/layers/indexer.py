"""The one way to a layer's index: from the cache, or by reading the layer."""

from __future__ import annotations

import threading
import time

import msgspec

from inspector import log
from inspector.layers.binaries import Binaries
from inspector.layers.blob import LayerBlob, Meter, Parted, Scanned
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.memory import hold, load

MAX_KEPT = 32 << 20
"""Bytes of memory that an index takes past which it is not kept: packing it takes as many again, twice."""

_PACKING = threading.Lock()


class Indexed(msgspec.Struct, frozen=True):
    """A layer's index, whether it was had without reading the layer, the bytes read, and the way.

    `how` is `cache`, or what `Scanned.how` says; `notes` are those of `Scanned`. `binaries` answers for its ELF files.
    """

    index: LayerIndex
    cached: bool
    bytes_read: int
    how: str
    notes: tuple[str, ...] = ()
    binaries: Binaries | None = None

    @property
    def fetched(self) -> int:
        """Bytes that were fetched of its ELF files, where it is known by its table of contents."""
        parts = None if self.binaries is None else self.binaries.parts
        return 0 if parts is None else parts.bytes_read


class Indexer:
    """Reads a layer unless the cache has it; from any thread.

    With `verify`, only an index whose bytes were all hashed will do. Nothing is remembered but by the cache.
    """

    def __init__(self, cache: IndexCache | None, *, verify: bool, meter: Meter) -> None:
        self._cache = cache
        self._verify = verify
        self._meter = meter

    @property
    def verify(self) -> bool:
        """Whether only bytes that were hashed will do."""
        return self._verify

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """Return the index of the layer `diff_id`, stored as `blob` under `digest`.

        Where `diff_id` is empty, nothing names the layer, and the cache is left aside.

        Raises what `LayerBlob.scan` raises.
        """
        identity = blob.identity
        return self._cached(diff_id, blob, identity) or self._scan(diff_id, digest, blob, identity)

    def has(self, diff_id: str, identity: str | None) -> bool:
        """Tell whether the cache has the index of a layer whose blob has this identity."""
        return self._cache is not None and self._cache.has(diff_id, identity, verified=self._verify)

    def again(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """Read a layer although the cache has its index, for what is kept of its ELF files is too little."""
        return self._scan(diff_id, digest, blob, blob.identity)

    def _cached(self, diff_id: str, blob: LayerBlob, identity: str | None) -> Indexed | None:
        if self._cache is None or not diff_id:
            return None
        cache = self._cache
        if not self.has(diff_id, identity):
            return None
        index = load(lambda: cache.get_verified(diff_id))
        if index is None and identity is not None and not self._verify:
            index = load(lambda: cache.get_unverified(diff_id, identity))
        if index is None:
            return None
        log.info("layers", "%s: taken from the cache", diff_id)
        return Indexed(index, cached=True, bytes_read=0, how="cache", binaries=self._binaries(index, blob, identity))

    def _binaries(
        self, index: LayerIndex, blob: LayerBlob, identity: str | None, files: Parted | None = None
    ) -> Binaries:
        """Return the ELF files of a layer, whose symbols are taken from the cache and kept there."""
        cache = self._cache
        if cache is None or (identity is None and not index.verified):
            return Binaries(index, blob, identity, files=files)
        return Binaries(
            index,
            blob,
            identity,
            stored=lambda: cache.read_later(index, identity),
            passed=lambda: cache.passed(index, identity),
            keep=lambda found: cache.put_later(index, identity, found),
            files=files,
        )

    def _scan(self, diff_id: str, digest: str | None, blob: LayerBlob, identity: str | None) -> Indexed:
        begun = time.perf_counter()
        scanned = self._read(diff_id, digest, blob, identity)
        taken = time.perf_counter() - begun
        log.info("layers", "%s: read by %s: %d bytes in %.3f s", diff_id, scanned.how, scanned.bytes_read, taken)
        hold(scanned.index)
        if self._cache is not None and diff_id and scanned.index.diff_id == diff_id:
            unchanged = identity is not None and blob.identity == identity  # else it is of no one state of the file
            keep(self._cache, scanned.index, identity if unchanged else None, scanned.packed)
        binaries = self._binaries(scanned.index, blob, identity, scanned.files)
        if scanned.ahead is not None:
            binaries.expect(scanned.ahead)
        return Indexed(
            scanned.index,
            cached=False,
            bytes_read=scanned.bytes_read,
            how=scanned.how,
            notes=scanned.notes,
            binaries=binaries,
        )

    def _read(self, diff_id: str, digest: str | None, blob: LayerBlob, identity: str | None) -> Scanned:  # noqa: ARG002 - for who has read these very bytes
        """Read the layer, whose blob had this identity when it was asked for."""
        return blob.scan(diff_id, digest, verify=self._verify, meter=self._meter)


def keep(cache: IndexCache, index: LayerIndex, identity: str | None, packed: bytes | None = None) -> None:
    """Put the index into the cache, if it is not too large; one at a time, as each is copied."""
    if index.weight <= MAX_KEPT:
        with _PACKING:
            cache.put(index, identity, packed)
