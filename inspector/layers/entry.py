"""What a layer comes down to, whichever way its bytes were had."""

from __future__ import annotations

import msgspec

from inspector.layers.entries import Attributes, Entries, Entry
from inspector.layers.objects import Objects
from inspector.oci import Digest

__all__ = ["SCANNER_VERSION", "Attributes", "Entries", "Entry", "LayerIndex", "Objects"]

SCANNER_VERSION = 12
"""Raised whenever an index made of the same bytes would differ; older indexes are then not used."""


class LayerIndex(msgspec.Struct, frozen=True, weakref=True):
    """Every entry of one layer, in the order of its tar.

    `verified` says that the whole uncompressed stream was read and hashed to `diff_id`; an index made
    by seeking, walking or from a table of contents is not. `blob_digest` is that of the stored bytes,
    where these were read whole. `size` is what `docker history` shows: the bytes of files, each content
    once, and of the texts of symbolic links. `objects` are the ELF files among its entries.
    """

    diff_id: Digest
    entries: Entries
    verified: bool
    size: int
    blob_digest: Digest | None = None
    warnings: tuple[str, ...] = ()
    scanner: int = SCANNER_VERSION
    objects: Objects = msgspec.field(default_factory=Objects)

    @property
    def weight(self) -> int:
        """Bytes of memory that the index takes, here and in the merged tree."""
        return self.entries.weight + self.objects.weight
