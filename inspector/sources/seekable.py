"""A store that is an uncompressed tar on disk: its headers read once, its members then had at random."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.errors import CorruptLayer, Malformed, NotFound, Unsupported
from inspector.layers.compression import sniff
from inspector.layers.file import FileRange
from inspector.layers.readers import FileReader
from inspector.layers.tar import BLOCK, Member, iter_members
from inspector.oci import MAX_DOCUMENT
from inspector.rootfs import Kind
from inspector.sources.image import Layer
from inspector.sources.shown import shown
from inspector.sources.store import Members, missing, several, too_large


class SeekableArchive:
    """The members of the tar at `path`. Raises `Malformed` where its headers are corrupt or cut short."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members = _members(path)

    @property
    def where(self) -> str:
        """See `BlobStore.where`."""
        return str(self._path)

    def size(self, name: str) -> int | None:
        """See `BlobStore.size`."""
        member = self._members.find(name)
        return None if member is None else member.size

    def document(self, name: str) -> bytes:
        """See `BlobStore.document`."""
        member = self._member(name)
        if member.size > MAX_DOCUMENT:
            raise too_large(self.where, name, member.size)
        content = self._head(member)
        for earlier in self._members.earlier(name):
            if earlier is None or earlier.size != member.size or self._head(earlier) != content:
                raise several(self.where, name)
        return content

    def layer(self, name: str) -> Layer:
        """See `BlobStore.layer`."""
        member = self._member(name)
        compressed = sniff(self._head(member, BLOCK)) not in ("tar", "")
        blob = FileRange(self._path, member.offset, member.size)
        return Layer(blob=blob, stored_size=member.size, compressed=compressed)

    def _member(self, name: str) -> Member:
        member = self._members.find(name)
        if member is None:
            raise missing(self.where, name)
        if member.stored != member.size:
            raise Unsupported(
                f"{self.where}: {shown(name)} is stored as a sparse file; pack the archive without --sparse"
            )
        return member

    def _head(self, member: Member, most: int = MAX_DOCUMENT) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(member.offset)
                return file.read(min(most, member.size))
        except OSError as error:
            raise NotFound(f"{self.where}: can't be read: {error.strerror}") from error


def _members(path: Path) -> Members[Member]:
    members: Members[Member] = Members(str(path))
    with path.open("rb") as file:
        try:
            for member in iter_members(FileReader(file, 0, os.fstat(file.fileno()).st_size)):
                members.count(member)
                if member.kind is Kind.FILE:
                    members.put(member.path, member)
                else:
                    members.put_other(member)
        except CorruptLayer as error:
            raise Malformed(f"{path}: {error}; the archive is damaged or not wholly written") from error
    return members
