"""An index by table of contents is that of the whole layer, and takes little of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from fixtures.lazy import DIGEST, OLD_PREFIX, PREFIX, Entries, Lazy, estargz, zstd_chunked
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.layers.toc.scan import NOTE, has_toc, scan_toc
from inspector.layers.toc.source import NotWorthwhile, TocUnusable
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree, tar_of
from tests.layers.toc.reading import ALL, Held, by_toc, whole

NOISE = random.Random(0).randbytes(1 << 20)
TREE: Tree = {
    "./": Dir(0o700),
    "usr/": Dir(0o2711),
    "usr/bin/python3.11": File(b"\x7fELF" + bytes(6000) + NOISE[:100_000], 0o755),
    "usr/bin/python3": Link("python3.11"),
    "usr/bin/py": Hardlink("usr/bin/python3.11"),
    "usr/bin/suid": File(b"MZ" + NOISE[:9000], 0o4755),
    "usr/bin/tool": File(b"#!/usr/bin/env python3\n" + NOISE[:9000], 0o755),
    "a/site-packages/torch/version.py": b"cuda = None\n",
    "a/site-packages/torch/_C.so": File(b"\x7fELF" + NOISE[:200_000], 0o755),
    "a/site-packages/x-1.dist-info/METADATA": b"Name: x\n",
    "a/site-packages/x-1.dist-info/RECORD": b"x/__init__.py,,\n" * 9000,
    "a/site-packages/x-1.dist-info/WHEEL": b"",
    "a/b.pth": b"/opt\n" + bytes(3000) + b"\n",
    "empty": b"",
    "a/.wh.gone": b"",
    "a/.wh..wh..opq": b"",
    "dev/null": Device(),
    "é" * 60 + "/" + "y" * 80: b"long",
    "big": NOISE,
}
WRITERS: dict[str, Callable[[Tree], Lazy]] = {
    "estargz": estargz,
    "estargz in small chunks": partial(estargz, chunk=1500),
    "stargz": partial(estargz, legacy=True),
    "zstd:chunked": zstd_chunked,
    "zstd:chunked in small chunks": partial(zstd_chunked, chunk=1500),
    "older zstd:chunked": partial(zstd_chunked, prefix=OLD_PREFIX, footer=40),
}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def images() -> dict[str, list[Tree]]:
    found = {**right_images(), **{name: wrong.image for name, wrong in wrong_images().items()}}
    return {name: [step.tree for step in image.steps if step.tree] for name, image in found.items()}


@writers
def test_it_is_the_index_of_the_whole_layer(write: Callable[[Tree], Lazy]) -> None:
    lazy = write(TREE)
    scanned, index = by_toc(lazy), whole(lazy)
    assert scanned.index.entries == index.entries
    assert (scanned.index.size, scanned.index.diff_id) == (index.size, index.diff_id)
    assert (scanned.index.verified, scanned.index.blob_digest, scanned.how) == (False, None, "toc")
    assert scanned.index.warnings == (NOTE,)


@pytest.mark.thorough
@pytest.mark.parametrize("write", [estargz, partial(zstd_chunked, chunk=900)], ids=["estargz", "zstd:chunked"])
def test_it_is_the_index_of_every_layer_of_the_fixture_images(write: Callable[[Tree], Lazy]) -> None:
    seen: set[bytes] = set()
    for trees in images().values():
        for tree in trees:
            content = tar_of(tree)
            if content not in seen:
                seen.add(content)
                lazy = write(tree)
                assert by_toc(lazy).index.entries == whole(lazy).entries
    assert len(seen) > 20


@writers
def test_little_is_fetched_by_few_requests(write: Callable[[Tree], Lazy]) -> None:
    files = {f"lib/data{n}": NOISE[n << 15 : n + 1 << 15] for n in range(32)}
    lazy = write({**files, "a/x.dist-info/METADATA": b"Name: x\n", "a/x.dist-info/RECORD": b"x,,\n" * 10, **files})
    held, told = Held(lazy.blob), [0]
    scanned = scan_toc(held, lazy.annotations, lazy.diff_id, meter=told.append)
    assert scanned.bytes_read == sum(end - start for spans in held.asked for start, end in spans)
    assert scanned.bytes_read < len(lazy.blob) // 5
    assert len(held.asked[-1]) == 1, "neighbours come by one request"
    assert sum(told) == len(lazy.blob)


def test_programs_that_nobody_asks_for_are_left_out_where_they_are_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.toc.scan.MIN_HEADS", 30_000)
    programs = {f"bin/{n}": File(b"\x7fELF" + NOISE[n : n + 20_000], 0o755) for n in range(8)}
    lazy = zstd_chunked(
        {**programs, "bin/python3": File(b"\x7fELF" + NOISE, 0o755), "bin/s": File(b"#!/bin/sh\n", 0o755)}
    )
    index = by_toc(lazy).index
    kept = {entry.path for entry in index.entries if entry.data}
    assert kept == {"bin/python3", "bin/s", "bin/0"}
    assert index.warnings == (f"{NOTE}; the beginnings of 7 programs in it were not fetched",)


def test_more_of_a_program_is_fetched_where_its_beginning_does_not_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.toc.wants._HEAD", {"gzip": 100, "zstd": 100})
    for write in (estargz, zstd_chunked):
        lazy = write(TREE)
        assert by_toc(lazy).index.entries == whole(lazy).entries


def test_files_that_share_a_member_are_told_apart() -> None:
    """As eStargz may put small files into one member, each so many bytes behind its beginning."""

    def shared(entries: Entries) -> None:
        first, second = entries
        second["innerOffset"] = 512 + 512  # of the first file's padding, and the header behind it
        second["offset"] = first["offset"]

    lazy = estargz({"a.pth": b"a" * 512, "b.pth": b"b" * 10})
    members = estargz({"a.pth": b"a" * 512, "b.pth": b"b" * 10}, edit=shared)
    both = by_toc(members).index.entries
    assert [entry.data for entry in both[:2]] == [b"a" * 512, b"b" * 10] == [e.data for e in whole(lazy).entries[:2]]


def test_without_a_position_the_footer_tells() -> None:
    for footer in (64, 40):
        lazy = zstd_chunked(TREE, footer=footer)
        del lazy.annotations[PREFIX + "manifest-position"]
        assert by_toc(lazy).index.entries == whole(lazy).entries


def test_annotations_that_say_it() -> None:
    assert has_toc(estargz({}).annotations)
    assert has_toc(zstd_chunked({}).annotations)
    assert has_toc(zstd_chunked({}, prefix=OLD_PREFIX).annotations)
    assert not has_toc({PREFIX + "manifest-position": "1:2:3:1"}), (
        "without a digest there is nothing to hold it against"
    )
    assert not has_toc({})
    assert not has_toc(None)


def test_a_layer_of_which_much_would_be_fetched_had_better_be_read_whole() -> None:
    lazy = zstd_chunked({f"{n}.pth": NOISE[n * 1000 : n * 1000 + 1000] for n in range(200)})
    with pytest.raises(NotWorthwhile):
        by_toc(lazy, most=None)


def test_both_kinds_of_annotations_must_fit_one_table() -> None:
    """As a converter writes them, and as who wants two readers to see two layers does."""
    lazy = zstd_chunked(TREE)
    other = estargz(TREE)
    lazy.annotations[DIGEST] = other.annotations[DIGEST]
    with pytest.raises(TocUnusable, match="does not have the digest"):
        scan_toc(Held(lazy.blob), lazy.annotations, lazy.diff_id, meter=lambda _: None, most=ALL)
