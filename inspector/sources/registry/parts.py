"""A blob of a registry as a source of parts, several of which are fetched at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from inspector import work
from inspector.errors import Malformed
from inspector.http.failures import Interrupted
from inspector.layers.toc.source import Span, TocUnusable
from inspector.oci import Descriptor
from inspector.registry.repository import Repository

REQUESTS = 4
"""Parts of one layer that are asked for at once."""


class RegistryParts:
    """The blob that `descriptor` points at, as a `RangeSource`."""

    def __init__(self, repository: Repository, descriptor: Descriptor) -> None:
        self.size = descriptor.size
        self._repository = repository
        self._digest = descriptor.digest

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """See `RangeSource.read`. Raises what the registry's answers come to, too."""
        if len(spans) == 1:
            yield self._read(spans[0])
            return
        with work.SideBySide(self._read, spans, REQUESTS, in_order=True) as parts:
            yield from parts

    def _read(self, span: Span) -> bytes:
        """Return one part, asked for again where the connection is lost, but not for ever."""
        pacing = self._repository.session.pacing
        until = time.monotonic() + pacing.patience.answer
        for failures in range(1, pacing.patience.retries + 1):
            try:
                return self._once(span)
            except Interrupted:
                if time.monotonic() > until:
                    raise
                work.wait(pacing.backoff(failures))
        return self._once(span)

    def _once(self, span: Span) -> bytes:
        try:
            content = self._repository.part(self._digest, span.start, span.end, self.size)
        except Malformed as error:
            raise TocUnusable(str(error)) from error
        if content is None:
            raise TocUnusable("the registry sends no parts of blobs")
        return content
