"""What a cache holds, and what was taken out of it, as values."""

from __future__ import annotations

import msgspec


class CacheInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a cache holds: counts of images' facts, layers and documents.

    The bytes are of all of these as kept, as allowed, and as taken on disk.
    """

    path: str
    images: int
    layers: int
    documents: int
    bytes: int
    max_bytes: int
    disk_bytes: int


class Removed(msgspec.Struct, frozen=True):
    """What was taken out: counts of layers, documents and images' facts, and the bytes of all."""

    layers: int
    documents: int
    bytes: int
    images: int = 0
