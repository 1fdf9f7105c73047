"""Layers' indexes as an audit judges by them: from the cache, with what reading them took; seldom read once more."""

from __future__ import annotations

import msgspec

from inspector.audit.budget import Budget, Spent
from inspector.audit.executor import Came
from inspector.audit.reading import Options
from inspector.audit.work_queue import Noted, State, WorkQueue
from inspector.errors import InspectorError
from inspector.layers.blob import LayerBlob
from inspector.layers.indexer import Indexed, Indexer
from inspector.sources.registry.blob import RegistryBlob


class WorkQueueIndexer(Indexer):
    """Answers from the cache, with what reading the layer took in this run; what failed once is not tried again."""

    def __init__(self, options: Options, ledger: WorkQueue, budget: Budget) -> None:
        self._came = Came(lambda _: None)
        super().__init__(options.cache, verify=options.verify, meter=self._came)
        self._ledger = ledger
        self._budget = budget
        self._failed: dict[tuple[str, str], InspectorError] = {}
        self.fetched = 0

    def index(self, diff_id: str, digest: str | None, blob: LayerBlob) -> Indexed:
        """See `Indexer.index`. A layer that the cache lost, or that could not be had elsewhere, is read from `blob`.

        Raises `Spent` where it may not be.
        """
        noted = self._ledger.noted(diff_id)
        found = self._cached(diff_id, blob, blob.identity)
        if found is None:
            assert isinstance(blob, RegistryBlob)
            return self._again(diff_id, digest, blob, noted)
        if noted.state is State.READ:
            return msgspec.structs.replace(found, cached=False, bytes_read=noted.bytes, how=noted.how)
        return found

    def _again(self, diff_id: str, digest: str | None, blob: RegistryBlob, noted: Noted) -> Indexed:
        name = blob.repository.name
        if noted.failure is not None and noted.place == (name.host, name.repository, blob.descriptor.digest):
            raise noted.failure.error()
        place = (str(name), blob.descriptor.digest)
        if place in self._failed:
            raise self._failed[place]
        if not self._budget.reserve(size := blob.descriptor.size):
            raise Spent("a layer that the cache lost can't be read again")
        before = self._came.bytes
        read = 0
        try:
            found = self._scan(diff_id, digest, blob, blob.identity)
            read = found.bytes_read
        except InspectorError as error:
            read = self._came.bytes - before
            self._failed[place] = error
            raise
        finally:
            self._budget.settle(size, read)
        self.fetched += 1
        return found
