"""A store that is a directory: an OCI layout, skopeo's `dir:`, or an unpacked `docker save`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inspector.errors import NotFound
from inspector.layers.compression import sniff
from inspector.layers.file import FileRange
from inspector.layers.tar import BLOCK, normal
from inspector.oci import MAX_DOCUMENT
from inspector.sources.image import Layer
from inspector.sources.shown import shown
from inspector.sources.store import missing, too_large

_LEADS_AWAY = "\\:" if os.name == "nt" else ""
"""On Windows a drive, another machine (`\\\\host\\share`) or a second stream of a file; elsewhere plain characters."""


class Directory:
    """Files below `root`. Links are followed as the system does: layouts that share blobs are made of links.

    Raises `OSError` where the directory can't be read, which would look like an empty one.
    """

    def __init__(self, root: Path) -> None:
        os.scandir(root).close()
        self._root = root

    @property
    def where(self) -> str:
        """See `BlobStore.where`."""
        return str(self._root)

    def size(self, name: str) -> int | None:
        """See `BlobStore.size`; what is no regular file counts as nothing, since a pipe or device may never end."""
        try:
            status = self._path(name).stat()
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def document(self, name: str) -> bytes:
        """See `BlobStore.document`."""
        if self._size(name) > MAX_DOCUMENT:
            raise too_large(self.where, name, self._size(name))
        content = self._head(name, MAX_DOCUMENT + 1)
        if len(content) > MAX_DOCUMENT:
            raise too_large(self.where, name, len(content))
        return content

    def layer(self, name: str) -> Layer:
        """See `BlobStore.layer`."""
        size = self._size(name)
        compressed = sniff(self._head(name, BLOCK)) not in ("tar", "")
        return Layer(blob=FileRange(self._path(name), 0, size), stored_size=size, compressed=compressed)

    def _path(self, name: str) -> Path:
        """Raise `ValueError` for a name that leads out of the root on this system."""
        if any(sign in name for sign in _LEADS_AWAY):
            raise ValueError(name)
        return self._root / normal(name)

    def _size(self, name: str) -> int:
        size = self.size(name)
        if size is None:
            raise missing(self.where, name)
        return size

    def _head(self, name: str, size: int) -> bytes:
        try:
            with self._path(name).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise NotFound(f"{self.where}: {shown(name)} can't be read: {error.strerror}") from error
