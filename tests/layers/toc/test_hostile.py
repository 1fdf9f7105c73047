"""Tables of contents that are broken, or that lie: refused, or believed within bounds, and never more than that."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.lazy import DIGEST, PREFIX, Entries, Lazy, estargz, zstd_chunked
from fixtures.packing import zstd
from inspector.errors import LimitExceeded
from inspector.layers.toc import source
from inspector.layers.toc.document import Listing
from inspector.layers.toc.source import NotWorthwhile, TocUnusable
from inspector.testing.image import sha256
from inspector.testing.tree import File, Tree
from tests.effort import examples
from tests.layers.toc.reading import by_toc

TREE: Tree = {
    "bin/python3": File(b"\x7fELF" + bytes(range(256)) * 100, 0o755),
    "x.pth": b"/opt\n",
    "y.dist-info/RECORD": b"y,,\n" * 5000,
}
FORMATS: dict[str, Callable[..., Lazy]] = {"estargz": estargz, "zstd:chunked": zstd_chunked}
formats = pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)


def of(name: str, /, **fields: Any) -> Callable[[Entries], None]:
    """Changes the first entry of that name."""

    def edit(entries: Entries) -> None:
        next(entry for entry in entries if entry["name"] == name).update(fields)

    return edit


LIES: dict[str, Callable[[Entries], object]] = {
    "another digest": of("x.pth", digest=f"sha256:{'0' * 64}", chunkDigest=f"sha256:{'0' * 64}"),
    "a digest of no known kind": of("x.pth", digest="md5:é", chunkDigest="md5:é"),
    "no digest": of("x.pth", digest="", chunkDigest=""),
    "data before the blob": of("x.pth", offset=-1),
    "no place": of("x.pth", offset=0),
    "data behind the blob": of("x.pth", offset=1 << 40),
    "a place that is no number": of("x.pth", offset="1"),
    "a place in the middle of other data": of("x.pth", offset=700),
    "a file larger than its data": of("x.pth", size=200),
    "a file larger than any": of("x.pth", size=1 << 50),
    "more data before it than is unpacked": of("x.pth", innerOffset=1 << 40),
    "chunks with a gap": of("y.dist-info/RECORD", chunkSize=10),
    "chunks that begin late": of("x.pth", chunkOffset=3),
    "an unknown type": of("x.pth", type="door"),
    "a piece of no file": lambda entries: entries.insert(0, {"type": "chunk", "name": "x"}),
    "a name with a NUL": of("x.pth", name="a\0b"),
    "a name past all bounds": of("x.pth", name="a" * 5000),
    "a name that is no UTF-8": of("x.pth", name="a\N{REPLACEMENT CHARACTER}"),
    "a link that is no UTF-8": lambda entries: entries.append(
        {"type": "symlink", "name": "l", "linkName": "\N{REPLACEMENT CHARACTER}"}
    ),
    "too much to keep": lambda entries: entries.extend(
        {"type": "reg", "name": f"{n}.dist-info/RECORD", "size": 16 << 20, "offset": 10} for n in range(8)
    ),
}


@pytest.mark.parametrize("edit", LIES.values(), ids=LIES)
@formats
def test_a_lie_that_shows_is_refused(edit: Callable[[Entries], object], write: Callable[..., Lazy]) -> None:
    with pytest.raises(TocUnusable):
        by_toc(write(TREE, edit=edit))


@formats
def test_names_are_taken_as_in_a_tar(write: Callable[..., Lazy]) -> None:
    """What climbs above the root stops there."""
    entries = by_toc(write(TREE, edit=of("x.pth", name="/a/../../x.pth"))).index.entries
    assert entries[1].path == "x.pth"


@formats
def test_a_table_of_other_content_than_its_digest_is_refused(write: Callable[..., Lazy]) -> None:
    lazy, other = write(TREE), write({**TREE, "more": b""})
    with pytest.raises(TocUnusable, match="does not have the digest"):
        by_toc(replace(other, annotations={**other.annotations, **_digests(lazy)}))


def _digests(lazy: Lazy) -> dict[str, str]:
    return {key: value for key, value in lazy.annotations.items() if not key.endswith("position")}


@pytest.mark.parametrize(
    "position",
    ["", "1:2:3", "0:1:1:1", "9:1:1:2", "9:9999999999:1:1", "-1:2:3:1", "9:1:99999999999:1", "x" * 999, "٣:1:1:1"],
)
def test_a_position_that_is_none(position: str) -> None:
    lazy = zstd_chunked(TREE, footer=40)
    lazy.annotations[PREFIX + "manifest-position"] = position
    with pytest.raises(TocUnusable):
        by_toc(replace(lazy, blob=lazy.blob[:-1]))


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b'{"version":2,"entries":[]}', b'{"version":1,"entries":[1]}'])
def test_a_document_that_is_no_table(document: bytes) -> None:
    packed = zstd(document)
    blob = b"\x50\x2a\x4d\x18" + len(packed).to_bytes(4, "little") + bytes(8) + packed
    annotations = {
        PREFIX + "manifest-checksum": f"sha256:{sha256(packed)}",
        PREFIX + "manifest-position": f"16:{len(packed)}:{len(document)}:1",
    }
    with pytest.raises(TocUnusable):
        by_toc(Lazy(blob, "", annotations, {}, []))


def test_a_table_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("unpack", "zstd_chunked"):
        monkeypatch.setattr(f"inspector.layers.toc.{module}.MAX_DOCUMENT", 1000)
    for write in FORMATS.values():
        with pytest.raises(TocUnusable, match="bytes"):
            by_toc(write({f"{n}": b"" for n in range(100)}))


def test_data_that_unpack_to_too_much_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.toc.fetch.MAX_UNPACKED", 10_000)
    for write in FORMATS.values():
        with pytest.raises(TocUnusable, match="to unpack"):
            by_toc(write(TREE))


@examples(150)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.integers(0, 2),
    st.dictionaries(
        st.sampled_from(["offset", "endOffset", "innerOffset", "chunkOffset", "chunkSize", "size", "mode"]),
        st.integers(-1, 40_000) | st.integers(),
        min_size=1,
    ),
)
def test_whatever_is_believed_has_the_digest_stated(kind: str, number: int, fields: dict[str, int]) -> None:
    lazy = FORMATS[kind](TREE, edit=lambda entries: entries[number].update(fields))
    try:
        index = by_toc(lazy).index
    except TocUnusable:
        return
    for entry, stated in zip(index.entries, lazy.entries, strict=False):
        if entry.data and len(entry.data) == entry.size:
            assert f"sha256:{sha256(entry.data)}" == stated["digest"]


@examples(150)
@given(
    kind=st.sampled_from(sorted(FORMATS)), at=st.integers(0, 1 << 20), garbage=st.binary(max_size=40), cut=st.booleans()
)
def test_a_damaged_blob_is_refused_or_read_as_it_was(kind: str, at: int, garbage: bytes, *, cut: bool) -> None:
    lazy = FORMATS[kind](TREE)
    at %= len(lazy.blob)
    blob = lazy.blob[:at] + garbage + (b"" if cut else lazy.blob[at + len(garbage) :])
    try:
        index = by_toc(replace(lazy, blob=blob)).index
    except (TocUnusable, LimitExceeded):  # such as a frame that now states a window past the bound
        return
    right = by_toc(lazy).index
    whole = [(one, other) for one, other in zip(index.entries, right.entries, strict=True) if len(one.data) == one.size]
    assert all(one == other for one, other in whole)


def test_the_digest_of_an_estargz_table_is_that_of_its_json() -> None:
    lazy = estargz(TREE)
    assert lazy.annotations[DIGEST] == f"sha256:{sha256(lazy.tree['stargz.index.json'].data)}"  # type: ignore[union-attr]


@pytest.mark.thorough
@pytest.mark.parametrize("entry", [b"0", b"{}", b'{"type":"dir"}'])
def test_a_table_of_millions_of_entries(entry: bytes) -> None:
    """64 MiB hold so many that a mere list of them takes 2 GB: they are counted before they are kept."""
    tracemalloc.start()
    try:
        with pytest.raises(TocUnusable):
            Listing(b'{"version":1,"entries":[' + (entry + b",") * 3_000_000 + b"{}]}", 10)
        assert tracemalloc.get_traced_memory()[1] < (3_000_000 * len(entry)) + (100 << 20)
    finally:
        tracemalloc.stop()


def test_files_so_far_apart_that_each_takes_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer is read whole instead."""
    monkeypatch.setattr(source, "MAX_PARTS", 4)
    noise = random.Random(1)
    tree: Tree = {
        f"{n:02}.{end}": noise.randbytes(150_000 if end == "bin" else 9) for n in range(9) for end in ("bin", "pth")
    }
    with pytest.raises(NotWorthwhile, match="requests"):
        by_toc(zstd_chunked(tree))
