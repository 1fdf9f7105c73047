"""A layer in a registry, which is read as it arrives and never kept."""

from __future__ import annotations

import msgspec

from inspector.errors import NotFound
from inspector.layers.blob import Meter, Scanned
from inspector.layers.scan import scan_stream
from inspector.oci import Descriptor
from inspector.registry.repository import Repository
from inspector.sources.contents import kept_elsewhere


class RegistryBlob(msgspec.Struct, frozen=True):
    """The bytes that `descriptor` points at in `repository`."""

    repository: Repository
    descriptor: Descriptor

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`: the digest names the very bytes."""
        return self.descriptor.digest

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - a stream is always verified
        """See `LayerBlob.scan`. Both digests are always checked. Raises what the registry's answers come to, too."""
        chunks = self.repository.chunks(self.descriptor.digest, self.descriptor.size)
        try:
            return scan_stream(chunks, diff_id, digest or self.descriptor.digest, meter=meter)
        except NotFound as error:
            if self.descriptor.urls:
                raise kept_elsewhere(self.repository.where, self.descriptor) from error
            raise
