"""A layer in a registry: read whole as it arrives, or in parts by a table of contents that the user trusts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

import msgspec

from inspector import work
from inspector.errors import Malformed, NotFound
from inspector.http.failures import Interrupted
from inspector.layers.blob import Meter, Parted, Scanned
from inspector.layers.scan import scan_stream
from inspector.layers.toc.scan import has_toc, scan_toc, toc_files
from inspector.layers.toc.source import NotWorthwhile, Span, TocUnusable
from inspector.oci import Descriptor
from inspector.registry.repository import Repository
from inspector.sources.contents import kept_elsewhere

MIN_PARTED = 256 << 10
"""Bytes of a layer up to which it is had by one request, whole and verified, as quickly as in parts."""

REQUESTS = 4
"""Parts of one layer that are asked for at once."""


class RegistryBlob(msgspec.Struct, frozen=True):
    """The bytes that `descriptor` points at in `repository`.

    Nobody checks a table of contents against its layer until that is read: a publisher could leave out of it what
    must not be found. So it is used only where the user trusts the registry (`--trust-toc`).
    """

    repository: Repository
    descriptor: Descriptor

    @property
    def identity(self) -> str | None:
        """See `LayerBlob.identity`: the digest where an unverified index, made by a table of contents, will do."""
        return self.descriptor.digest if self.repository.session.trusts_toc else None

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`; what is read whole is verified. Raises what the registry's answers come to, too."""
        try:
            if not verify and self._is_parted():
                return self._scan_parts(diff_id, digest, meter)
            return self._scan_whole(diff_id, digest, meter)
        except NotFound as error:
            if self.descriptor.urls:
                raise kept_elsewhere(self.repository.where, self.descriptor) from error
            raise

    def _is_parted(self) -> bool:
        trusted = self.repository.session.trusts_toc
        return trusted and self.descriptor.size > MIN_PARTED and has_toc(self.descriptor.annotations)

    def _scan_parts(self, diff_id: str, digest: str | None, meter: Meter) -> Scanned:
        source = RegistryParts(self.repository, self.descriptor)
        try:
            return scan_toc(source, self.descriptor.annotations or {}, diff_id, meter=meter)
        except NotWorthwhile:
            return self._scan_whole(diff_id, digest, meter)
        except TocUnusable as error:
            note = f"read whole, since its table of contents is of no use: {error}"
            return msgspec.structs.replace(self._scan_whole(diff_id, digest, meter), notes=(note,))

    def _scan_whole(self, diff_id: str, digest: str | None, meter: Meter) -> Scanned:
        expected = digest or self.descriptor.digest
        with contextlib.ExitStack() as stack:

            def opened() -> Iterator[bytes]:
                chunks = self.stored()
                stack.callback(getattr(chunks, "close", lambda: None))  # gives the connection back where reading fails
                return chunks

            return scan_stream(opened(), diff_id, expected, meter=meter, again=opened)

    def files(self) -> Parted | None:
        """See `Remote`."""
        if not self._is_parted():
            return None
        return toc_files(RegistryParts(self.repository, self.descriptor), self.descriptor.annotations or {})

    def stored(self) -> Iterator[bytes]:
        """See `Repeatable`."""
        return self.repository.chunks(self.descriptor.digest, self.descriptor.size)


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
