"""What a layer comes down to, whichever way its bytes were had."""

from __future__ import annotations

import msgspec

from inspector.oci import Digest
from inspector.rootfs import Kind

SCANNER_VERSION = 1
"""Raised whenever an index made of the same bytes would differ; older indexes are then read anew."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One member of a layer, in the layer's own terms: whiteout markers and hardlinks as they stand.

    `path` is relative to the root, without `.`, `..`, empty or trailing components; the root itself
    is `""`. Names that are no UTF-8 hold surrogates (PEP 383). `link` is a symlink's text as written,
    or a hardlink's target in the form of `path`. `data` holds the leading bytes that were kept: the
    whole file if it is as long as `size`, else the head of an executable, or nothing. `attributes` are the
    extended ones that decide what a container sees (`trusted.overlay.*`, `security.capability`), by name.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    link: str = ""
    data: bytes = b""
    uid: int = 0
    gid: int = 0
    attributes: tuple[tuple[str, bytes], ...] = ()


class LayerIndex(msgspec.Struct, frozen=True, weakref=True):
    """Every entry of one layer, in the order of its tar.

    `verified` says that the whole uncompressed stream was read and hashed to `diff_id`; an index made
    by seeking, walking or from a table of contents is not. `blob_digest` is that of the stored bytes,
    where these were read whole. `size` is what `docker history` shows: the bytes of files, each content
    once, and of the texts of symbolic links.
    """

    diff_id: Digest
    entries: list[Entry]
    verified: bool
    size: int
    blob_digest: Digest | None = None
    warnings: tuple[str, ...] = ()
    scanner: int = SCANNER_VERSION
