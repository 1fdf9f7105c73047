"""What is read of layers: tars, packed streams, several merged, tables of contents, and indexes in the cache."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import islice

from fixtures import packing
from fixtures.lazy import Lazy, estargz, zstd_chunked
from inspector.errors import InspectorError
from inspector.layers.codec import decode, encode
from inspector.layers.compression import sniff
from inspector.layers.entry import Entries, Entry, LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.readers import FileReader, Reader, StreamReader
from inspector.layers.scan import scan_stream
from inspector.layers.tar import Member, iter_members, normal
from inspector.layers.toc.document import Listing
from inspector.layers.toc.scan import scan_toc
from inspector.layers.tree import MAX_WARNINGS
from inspector.rootfs import Kind, resolve, walk
from inspector.testing.blobs import Packing
from inspector.testing.image import sha256
from tests.fuzz.cursor import Cursor
from tests.layers.toc.reading import Held

NAMES = ("a", "b", "c", "a/b", "a/b/c", "b/a", "a/.wh.b", ".wh.a", ".wh..wh..opq", "a/.wh..wh..opq", "b/.wh.", "")
LINKS = ("a", "b", "/a", "../b", "a/b/c", ".", "..", "/", "c/../a", "")
ATTRIBUTES = (
    (),
    (("trusted.overlay.opaque", b"y"),),
    (("trusted.overlay.redirect", b"/b"),),
    (("trusted.overlay.metacopy", b""),),
    (("trusted.overlay.whiteout", b"y"),),
)
PACKINGS: tuple[Packing, ...] = (packing.plain, packing.gzip, packing.zstd, packing.xz, packing.bzip2)
PIECES = (1 << 16, 512, 100, 7)


def tar(content: bytes) -> None:
    """A tar is read alike as a stream, in pieces of whatever size, and from a file."""
    whole = _members(StreamReader(iter((content,))))
    for path in (member.path for member in whole if isinstance(member, Member)):
        assert normal(path) == path
        assert "\0" not in path
    assert len(whole) <= len(content) // 512 + 1
    assert _members(StreamReader(_pieces(content, 100))) == whole
    assert _members(FileReader(io.BytesIO(content), 0, len(content))) == whole


def pax(content: bytes) -> None:
    """Records in an extended header, before a file."""
    kind, records = content[:1], content[1:]
    header = _header(b"ext", len(records), b"g" if kind == b"g" else b"x")
    tar(header + records + bytes(-len(records) % 512) + _header(b"file", 4, b"0") + b"data" + bytes(508 + 1024))


def stream(content: bytes) -> None:
    """A layer as it is stored: what is packed here holds the same as it does plain."""
    cursor = Cursor(content)
    pack, size, inner = cursor.one_of(PACKINGS), cursor.one_of(PIECES), cursor.rest()
    plain = _scanned(inner, size)
    if pack is not packing.plain and isinstance(plain, list) and inner and sniff(inner) == "tar":
        assert _scanned(pack(inner), size) == plain


def merged(content: bytes) -> None:
    """Layers over each other, each entry from a few bytes; all that is found can be asked for, and ends."""
    cursor = Cursor(content)
    layers = [Entries(_entries(cursor)) for _ in range(1 + cursor.byte() % 4)]
    indexes = [LayerIndex(f"sha256:{0:064x}", layer, verified=True, size=0) for layer in layers]
    try:
        fs = merge(indexes)
    except InspectorError:
        return
    assert len(fs.warnings) <= MAX_WARNINGS
    try:
        _walked(fs)
    except InspectorError:
        return
    again = merge(indexes)
    assert [*walk(again)] == [*walk(fs)]
    assert again.warnings == fs.warnings


def table(content: bytes) -> None:
    """A table of contents as JSON."""
    try:
        listing = Listing(content, 1 << 20)
        for position, entry in enumerate(listing.entries):
            assert normal(entry.path) == entry.path
            if entry.kind is Kind.FILE and entry.size:
                chunks = listing.chunks(position)
                assert sum(chunk.size for chunk in chunks) == entry.size
                assert all(0 < chunk.start < chunk.end <= 1 << 20 for chunk in chunks)
                listing.digest(position)
    except InspectorError:
        return


def lazy(content: bytes) -> None:
    """A layer with a table of contents that says what it will of the files behind it."""
    cursor = Cursor(content)
    writers: tuple[Callable[..., Lazy], ...] = (estargz, zstd_chunked)
    write = cursor.one_of(writers)

    def edit(entries: list[dict[str, object]]) -> None:
        try:
            said = json.loads(cursor.rest())
        except (ValueError, RecursionError):
            return
        if isinstance(said, list):
            entries[:] = [{**one, **more} if isinstance(more, dict) else one for one, more in zip(entries, said)]  # noqa: B905 - the shorter one ends

    tree = {"a/METADATA": b"Name: a\n", "x-1.dist-info/RECORD": b"a,,\n" * 20, "bin/python": b"\x7fELF" + bytes(200)}
    written = write(tree, edit=edit)
    try:
        scanned = scan_toc(Held(written.blob), written.annotations, written.diff_id, meter=_nothing, most=1 << 30)
    except InspectorError:
        return
    for entry in scanned.index.entries:
        assert len(entry.data) <= entry.size
    assert not scanned.index.verified


def cached(content: bytes) -> None:
    """An index as the cache keeps it, whoever wrote it: None, or one that is written the same again."""
    index = decode(content)
    if index is not None:
        again = decode(encode(index))
        assert again == index


def _nothing(_: int) -> None:
    pass


def _members(reader: Reader) -> list[Member | str]:
    """The members, then the kind of error, if any."""
    found: list[Member | str] = []
    try:
        found.extend(islice(iter_members(reader), 10_000))
    except InspectorError as error:
        found.append(error.kind)
    return found


def _pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def _scanned(content: bytes, size: int) -> list[Entry] | str:
    try:
        scanned = scan_stream(_pieces(content, size), None, None)
    except InspectorError as error:
        return error.kind
    assert scanned.index.diff_id.startswith("sha256:")
    assert len(scanned.index.diff_id) == len("sha256:") + len(sha256(b""))
    return list(scanned.index.entries)


def _header(name: bytes, size: int, flag: bytes) -> bytes:
    block = bytearray(512)
    parts = ((0, name), (100, b"0000644\0"), (124, b"%011o\0" % size), (156, flag), (257, b"ustar\00000"))
    for at, text in (*parts, (148, b" " * 8)):
        block[at : at + len(text)] = text
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _entries(cursor: Cursor) -> Iterator[Entry]:
    for _ in range(cursor.byte() % 12):
        path, kind = cursor.one_of(NAMES), cursor.one_of(tuple(Kind))
        link = cursor.one_of(LINKS) if kind in (Kind.SYMLINK, Kind.HARDLINK) else ""
        link = normal(link) if kind is Kind.HARDLINK else link
        data = cursor.take(cursor.byte() % 4) if kind is Kind.FILE else b""
        attributes = cursor.one_of(ATTRIBUTES)
        device = (0, cursor.byte() % 2) if kind in (Kind.CHAR, Kind.BLOCK) else None
        yield Entry(path, kind, 0o755, len(data), link, data, attributes=attributes, device=device)


def _walked(fs: MergedRootfs) -> None:
    for folder, nodes in walk(fs):
        for name, node in nodes.items():
            path = f"{folder.rstrip('/')}/{name}"
            assert fs.lstat(path) == node
            assert "/" not in name
            assert name not in ("", ".", "..")
            reached = resolve(fs, path)
            if reached is not None:
                target = fs.lstat(reached)
                assert target is not None
                assert target.kind is not Kind.SYMLINK
            assert node.kind is not Kind.HARDLINK
            if node.kind is Kind.FILE:
                assert len(fs.read(path)) == node.size
