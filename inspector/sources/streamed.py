"""A store that is a packed archive or a pipe: read once, forward, before anything is known of it.

Manifests come last, so every member is taken as a document or a layer by its first bytes, layers are
indexed on the spot with the digests of both sides, and what was meant is found at the end. Nothing is
written to disk.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import msgspec

from inspector.errors import (
    CorruptLayer,
    DigestMismatch,
    InspectorError,
    LimitExceeded,
    Malformed,
    NoImage,
    Unsupported,
)
from inspector.layers.blob import Meter, Scanned
from inspector.layers.compression import CHUNK, Packing, decompressed, first_block, refuse_bomb, sniff
from inspector.layers.memory import reading
from inspector.layers.readers import StreamReader
from inspector.layers.scan import scan_stream
from inspector.layers.tar import BLOCK, Member, iter_members
from inspector.oci import MAX_DOCUMENT, digest_mismatch
from inspector.rootfs import Kind
from inspector.sources.access import Known, Unread
from inspector.sources.image import Layer
from inspector.sources.shown import shown
from inspector.sources.store import Members, missing, several, too_large

MAX_DOCUMENTS = 16 << 20
"""Bytes of documents that are kept of one archive; what comes later is known by its size alone."""
MAX_HELD = 64 << 20
"""Bytes that the layers of all archives that are held may take in memory."""
MAX_OUTER = 1 << 40
"""Unpacked bytes of an archive past which it is refused."""
MAX_MEMBER = 1 << 40
"""Bytes of one member, which a header may state at will: a pipe would be waited on for them."""
MAX_TRAILING = 64 << 20
"""Bytes behind the archive's end mark that are read so that its check sum is seen and its writer not cut off."""

_NAMED_BY_DIGEST = re.compile(r"(?:^|/)blobs/(sha256|sha512)/([0-9a-f]{64}|[0-9a-f]{128})$")


class StreamedBlob(msgspec.Struct, frozen=True):
    """A layer that was read as it passed by: its index, or why there is none; nothing names bytes that are gone."""

    where: str
    name: str
    found: Scanned | InspectorError
    identity: ClassVar[None] = None

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - all was read, and told the meter
        """See `LayerBlob.scan`. The answer is always verified; nothing is read again."""
        if isinstance(self.found, InspectorError):
            raise type(self.found)(str(self.found))  # an error that was raised holds what was called, such as this blob
        index = self.found.index
        for expected, actual in ((diff_id, index.diff_id), (digest, index.blob_digest)):
            if expected is not None and expected != actual:
                self._refuse(expected, actual or "none")
        return self.found

    def _refuse(self, expected: str, actual: str) -> None:
        if expected.partition(":")[0] != actual.partition(":")[0]:
            raise Unsupported(
                f"{self.where}: {shown(self.name)} is known by {expected}, which a stream is not hashed to; "
                "write the archive unpacked to a file"
            )
        raise digest_mismatch(f"{self.where}: {shown(self.name)}", expected, actual)


class _Held(msgspec.Struct, frozen=True):
    """What is left of a member: a document's bytes, or the outcome of reading it as a layer."""

    size: int
    document: bytes | None = None
    layer: Scanned | InspectorError | None = None
    compressed: bool = False
    passed_over: bool = False


class StreamedArchive:
    """The members of the archive that `stream` yields. Raises `Malformed`, `LimitExceeded`.

    A layer whose name states a digest that is `known` is passed over: it is there, and can't be scanned.
    """

    def __init__(self, stream: BinaryIO, where: str, *, meter: Meter, known: Known = lambda _: False) -> None:
        self._where = where
        self._known = known
        self._members: Members[_Held] = Members(where)
        self._left = MAX_DOCUMENTS
        self._failure: InspectorError | None = None
        try:
            with reading(most=MAX_HELD, parked=True):
                self._read(chunks_of(stream, meter))
        except CorruptLayer as error:
            raise Malformed(f"{where}: {error}; the archive is damaged or not wholly written") from error

    @property
    def where(self) -> str:
        """See `BlobStore.where`."""
        return self._where

    def size(self, name: str) -> int | None:
        """See `BlobStore.size`."""
        held = self._members.find(name)
        return None if held is None else held.size

    def document(self, name: str) -> bytes:
        """See `BlobStore.document`."""
        held = self._held(name)
        if any(earlier is None or earlier.document != held.document for earlier in self._members.earlier(name)):
            raise several(self._where, name)
        if held.document is not None:
            return held.document
        if held.size > MAX_DOCUMENT:
            raise too_large(self._where, name, held.size)
        if held.layer is not None:
            raise Malformed(f"{self._where}: {shown(name)} is a layer where a JSON document is expected")
        raise LimitExceeded(f"{self._where}: its documents have more than {MAX_DOCUMENTS} bytes together")

    def layer(self, name: str) -> Layer:
        """See `BlobStore.layer`."""
        held = self._held(name)
        if held.passed_over:
            return Layer(blob=Unread(), stored_size=held.size, compressed=held.compressed)
        found = held.layer or CorruptLayer(
            f"{self._where}: {shown(name)} is no tar, nor one packed with gzip, zstd, xz or bzip2"
        )
        blob = StreamedBlob(self._where, name, found)
        return Layer(blob=blob, stored_size=held.size, compressed=held.compressed)

    def _held(self, name: str) -> _Held:
        held = self._members.find(name)
        if held is None:
            raise missing(self._where, name)
        return held

    def _read(self, chunks: Iterator[bytes]) -> None:
        plain = self._watched(_unpacked(chunks, self._where))
        reader = StreamReader(plain)
        for member in iter_members(reader):
            self._members.count(member)
            if member.stored > MAX_MEMBER:
                raise LimitExceeded(f"{self._where}: {shown(member.path)} is said to have {member.stored} bytes")
            if member.kind is Kind.FILE:
                self._members.put(member.path, self._hold(member, reader))
            else:
                self._members.put_other(member)
        trailing = 0
        for chunk in plain:
            trailing += len(chunk)
            if trailing > MAX_TRAILING:
                raise LimitExceeded(f"{self._where}: more than {MAX_TRAILING} bytes follow the end of the archive")

    def _watched(self, plain: Iterator[bytes]) -> Iterator[bytes]:
        """Yield `plain`, remembering that it failed: what was reading it then is not to blame."""
        try:
            yield from plain
        except InspectorError as error:
            self._failure = error
            raise

    def _hold(self, member: Member, reader: StreamReader) -> _Held:
        if member.stored != member.size:
            return _Held(
                member.size, layer=Unsupported(f"{self._where}: {shown(member.path)} is stored as a sparse file")
            )
        head = reader.read(min(BLOCK, member.size))
        packing = sniff(head)
        if packing == "":
            return self._document(member, head, reader)
        digest = _digest_in(member.path)
        if digest is not None and self._known(digest):
            return _Held(member.size, compressed=packing != "tar", passed_over=True)  # the scanner skips what is left
        try:
            scanned = scan_stream(_member_chunks(reader, head, member.size), None, digest)
        except (CorruptLayer, DigestMismatch, LimitExceeded) as error:  # of a member that perhaps nobody asks for
            if self._failure is not None:
                raise
            outcome = type(error)(f"{self._where}: {shown(member.path)}: {error}")
            return _Held(member.size, layer=outcome, compressed=packing != "tar")
        return _Held(member.size, layer=scanned, compressed=packing != "tar")

    def _document(self, member: Member, head: bytes, reader: StreamReader) -> _Held:
        if member.size > MAX_DOCUMENT or member.size > self._left:
            return _Held(member.size)
        self._left -= member.size
        return _Held(member.size, document=head + reader.read(member.size - len(head)))


def _digest_in(path: str) -> str | None:
    """Return the digest that the name of a layout's blob states."""
    match = _NAMED_BY_DIGEST.search(path)
    return f"{match[1]}:{match[2]}" if match and len(match[2]) * 4 == int(match[1][3:]) else None


def _member_chunks(reader: StreamReader, head: bytes, size: int) -> Iterator[bytes]:
    """Yield a member's bytes, of which `head` is already read.

    Fewer if the archive ends, which its scanner then reports.
    """
    yield head
    left = size - len(head)
    while left and (chunk := reader.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk


def chunks_of(stream: BinaryIO, meter: Meter) -> Iterator[bytes]:
    """Yield what a stream has, in chunks of which the meter is told."""
    while chunk := stream.read(CHUNK):
        meter(len(chunk))
        yield chunk


def _unpacked(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Return the plain bytes of the outer archive."""
    head = first_block(chunks)
    packing = sniff(head)
    if not head:
        raise Malformed(f"{where}: empty, where an archive of images is expected")
    if packing == "":
        raise _other(head, where, "neither a tar nor one packed with gzip, bzip2, xz or zstd")
    whole = itertools.chain((head,), chunks)
    if packing == "tar":
        return whole
    plain = _bounded(whole, packing, where)
    inner = first_block(plain)
    if inner and sniff(inner) != "tar":
        raise _other(inner, where, f"packed with {packing}, and what is in it is no tar")
    return itertools.chain((inner,), plain)


def _other(head: bytes, where: str, otherwise: str) -> InspectorError:
    """Return the error for what is no archive, by the name of what it is, if that is known."""
    from inspector.sources.recognise import named_by  # only what is refused is looked at

    what = named_by(head, where)
    return (
        NoImage(f"{where}: no image but {what.replace('{path}', 'FILE')}")
        if what
        else Malformed(f"{where}: {otherwise}")
    )


def _bounded(chunks: Iterator[bytes], packing: Packing, where: str) -> Iterator[bytes]:
    """Yield the unpacked bytes, refused where they grow out of all proportion to those stored."""
    stored = total = 0

    def counted() -> Iterator[bytes]:
        nonlocal stored
        for chunk in chunks:
            stored += len(chunk)
            yield chunk

    for chunk in decompressed(counted(), packing):
        total += len(chunk)
        refuse_bomb(f"{where}:", total, stored, MAX_OUTER)
        yield chunk
