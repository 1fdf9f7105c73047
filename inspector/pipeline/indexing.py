"""Layers' indexes as an audit judges by them: from the cache, with what reading them took; seldom read once more."""

from __future__ import annotations

import msgspec

from inspector.errors import InspectorError
from inspector.layers.blob import LayerBlob
from inspector.layers.indexer import Indexed, Indexer
from inspector.pipeline.budget import AuditBudget, Spent
from inspector.pipeline.executor import CountingMeter
from inspector.pipeline.model import Options
from inspector.pipeline.work_queue import LayerState, State, WorkQueue
from inspector.sources.registry.blob import RegistryBlob


class WorkQueueIndexer(Indexer):
    """Answers from the cache, with what reading the layer took in this run; what failed once is not tried again."""

    def __init__(self, options: Options, queue: WorkQueue, budget: AuditBudget) -> None:
        self._count = CountingMeter(lambda _: None)
        super().__init__(options.cache, verify=options.verify, meter=self._count)
        self._queue = queue
        self._budget = budget
        self._failed: dict[tuple[str, str, str], InspectorError] = {}
        self.fetched = 0

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """See `Indexer.index`. A layer that the cache lost, or that could not be had elsewhere, is read from `blob`.

        Raises `Spent` where it may not be.
        """
        layer = self._queue.layer(diff_id)
        found = self._cached(diff_id, blob, blob.identity)
        if found is None:
            assert isinstance(blob, RegistryBlob)
            return self._again(diff_id, digest, blob, layer)
        if layer.state is State.READ:
            return msgspec.structs.replace(found, cached=False, bytes_read=layer.bytes, how=layer.how)
        return found

    def again(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """See `Indexer.again`. Raises `Spent` where no more may be read."""
        assert isinstance(blob, RegistryBlob)
        return self._again(diff_id, digest, blob, self._queue.layer(diff_id))

    def _again(self, diff_id: str, digest: str | None, blob: RegistryBlob, layer: LayerState) -> Indexed:
        name, size = blob.repository.name, blob.descriptor.size
        place = name.host, name.repository, blob.descriptor.digest
        if layer.failure is not None and place == (layer.unit.host, layer.unit.repository, layer.unit.digest):
            raise layer.failure.error()
        if place in self._failed:
            raise self._failed[place]
        if not self._budget.reserve(size):
            raise Spent("a layer that the cache lost can't be read again")
        before = self._count.bytes
        read = 0
        try:
            found = self._scan(diff_id, digest, blob, blob.identity)
            read = found.bytes_read
        except InspectorError as error:
            read = self._count.bytes - before
            self._failed[place] = error
            raise
        finally:
            self._budget.settle(size, read)
        self.fetched += 1
        return found
