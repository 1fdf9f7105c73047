"""Objects of a layer that its table of contents locates, fetched in parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from fixtures.elf import Elf
from fixtures.lazy import Entries, Lazy, estargz, zstd_chunked
from inspector.elf import Content, Skeleton, read_skeleton, read_symbols
from inspector.layers.binaries import Binaries
from inspector.layers.toc import files, scan
from inspector.layers.toc.scan import scan_toc
from inspector.layers.toc.source import Span
from inspector.rootfs import NotKept
from inspector.testing.tree import File, Tree

NOISE = random.Random(3).randbytes(300_000)
LIBRARY = Elf(soname="libx.so.1", needed=("libc.so.6",), symbols=("one", "two"), undefined=("three",), text=NOISE)
TREE: Tree = {
    "usr/lib/libx.so.1": File(LIBRARY.encode(), 0o755),
    "usr/share/noise": NOISE * 4,
    "usr/lib/odd": LIBRARY.encode(),
    "usr/lib/hollow.so": Elf(soname="hollow.so", text=bytes(200_000)).encode(),
}
WRITERS: dict[str, Callable[..., Lazy]] = {
    "estargz": partial(estargz, chunk=1 << 15),
    "zstd:chunked": partial(zstd_chunked, chunk=1 << 14),
}


class Blob:
    """A blob in memory that counts what is asked of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)
        self.asked: list[Span] = []

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """See `RangeSource.read`."""
        self.asked += spans
        return [self.content[start:end] for start, end in spans]


def opened(lazy: Lazy, *, most: int = 1 << 30) -> tuple[Binaries, dict[str, int], Blob]:
    blob = Blob(lazy.blob)
    scanned = scan_toc(blob, lazy.annotations, lazy.diff_id, meter=lambda _: None, most=most)  # type: ignore[arg-type]
    places = {entry.path: place for place, entry in enumerate(scanned.index.entries)}
    return Binaries(scanned.index, None, None, files=scanned.files), places, blob


@pytest.fixture(autouse=True)
def _no_file_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL", 0)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("path", ["usr/lib/libx.so.1", "usr/lib/hollow.so"])
def test_what_is_fetched_tells_what_the_whole_file_tells(writer: str, path: str) -> None:
    binaries, places, blob = opened(WRITERS[writer](TREE))
    member = TREE[path]
    content = member.data if isinstance(member, File) else member
    assert isinstance(content, bytes)
    before = len(blob.asked)
    skeleton = binaries.skeleton(places[path])
    assert isinstance(skeleton, Skeleton)
    assert skeleton == read_skeleton(Content(content))
    assert binaries.symbols(places[path], whole=True) == read_symbols(Content(content))
    fetched = sum(end - start for start, end in blob.asked[before:])
    assert binaries.parts is not None
    assert 0 < fetched == binaries.parts.bytes_read < len(content) // 2
    assert not binaries.blind


@pytest.mark.parametrize("writer", WRITERS)
def test_bytes_that_are_not_those_stated_are_not_believed(writer: str) -> None:
    def lie(entries: Entries) -> None:
        for entry in entries:
            for name in ("digest", "chunkDigest"):
                if name in entry:
                    entry[name] = f"sha256:{'0' * 63}1"

    binaries, places, _ = opened(WRITERS[writer](TREE, edit=lie))
    with pytest.raises(NotKept, match="does not have the digest stated"):
        binaries.skeleton(places["usr/lib/libx.so.1"])


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_its_name_does_not_tell_to_be_an_object_is_not_known(writer: str) -> None:
    binaries, places, _ = opened(WRITERS[writer](TREE))
    with pytest.raises(NotKept, match="by its name it is no library"):
        binaries.skeleton(places["usr/lib/odd"])


@pytest.mark.parametrize("writer", WRITERS)
def test_no_more_is_fetched_than_is_allowed(writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "allowed", lambda size: min(size, 10_000))
    binaries, places, blob = opened(WRITERS[writer](TREE))
    before = len(blob.asked)
    with pytest.raises(NotKept, match=r"it takes \d+ of the layer's \d+ bytes"):
        binaries.symbols(places["usr/lib/libx.so.1"])
    assert sum(end - start for start, end in blob.asked[before:]) <= 10_000
