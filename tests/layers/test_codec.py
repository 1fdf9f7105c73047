"""Layer indexes as bytes: the way there and back, and what damaged bytes do."""

from __future__ import annotations

import random
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from inspector.layers import codec
from inspector.layers.entries import Entries
from inspector.layers.entry import Entry, LayerIndex
from inspector.rootfs import Kind
from tests.effort import examples

DIFF_ID = "sha256:" + "ab" * 32
BLOB = "sha256:" + "cd" * 32

names = st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"/").decode("utf-8", "surrogateescape"))
entries = st.builds(
    Entry,
    path=names,
    kind=st.sampled_from(Kind),
    mode=st.integers(0, 0o7777),
    size=st.integers(0, 2**63 - 1),
    link=names,
    data=st.binary(max_size=20),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    attributes=st.lists(st.tuples(names, st.binary(max_size=4)), max_size=2).map(tuple),
    device=st.sampled_from([None, (0, 0), (1, 3)]),
)
indexes = st.builds(
    LayerIndex,
    diff_id=st.just(DIFF_ID),
    entries=st.lists(entries, max_size=8).map(Entries),
    verified=st.booleans(),
    size=st.integers(0, 2**63 - 1),
    blob_digest=st.sampled_from([None, BLOB]),
    warnings=st.lists(names, max_size=3).map(tuple),
    scanner=st.integers(0, 9),
)


def index_of(*members: Entry) -> LayerIndex:
    return LayerIndex(diff_id=DIFF_ID, entries=Entries(members), verified=True, size=0)


@given(indexes)
@examples(200)
def test_every_index_comes_back_as_it_was(index: LayerIndex) -> None:
    assert codec.decode(codec.encode(index)) == index


def test_the_empty_layer_differs_from_one_that_holds_only_the_root() -> None:
    empty, root = index_of(), index_of(Entry("", Kind.DIRECTORY, 0o755, 0))
    assert codec.decode(codec.encode(empty)) == empty
    assert codec.decode(codec.encode(root)) == root


def test_names_that_are_no_utf8_come_back_byte_for_byte() -> None:
    name = b"caf\xe9/\xff\xfe".decode("utf-8", "surrogateescape")
    decoded = codec.decode(codec.encode(index_of(Entry(name, Kind.SYMLINK, 0o777, 0, link=name))))
    assert decoded is not None
    assert decoded.entries[0].path.encode("utf-8", "surrogateescape") == b"caf\xe9/\xff\xfe"
    assert decoded.entries[0].link == decoded.entries[0].path


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a\0b", Kind.FILE, 0o644, 0),
        Entry("a", Kind.SYMLINK, 0o777, 0, link="b\0c"),
        Entry("a", Kind.FILE, 0o644, -1),
        Entry("a", Kind.FILE, 2**40, 0),
        Entry("\ud800", Kind.FILE, 0o644, 0),
    ],
    ids=["nul-in-path", "nul-in-link", "negative-size", "absurd-mode", "lone-surrogate"],
)
def test_what_has_no_form_is_refused_when_encoding(entry: Entry) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind of error is the contract, its text is not
        codec.encode(index_of(entry))


def test_an_index_past_the_bound_is_refused_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(Entry("a", Kind.FILE, 0o644, 5000, data=bytes(5000)))
    packed = codec.encode(index)
    monkeypatch.setattr(codec, "MAX_PLAIN", 4000)
    assert codec.decode(packed) is None
    with pytest.raises(ValueError, match="more than 4000"):
        codec.encode(index)


@given(indexes, st.randoms(use_true_random=False))
@examples(150)
def test_damaged_bytes_are_a_miss(index: LayerIndex, rng: random.Random) -> None:
    packed = bytearray(codec.encode(index))
    place = rng.randrange(len(packed))
    packed[place] ^= 1 << rng.randrange(8)
    assert codec.decode(bytes(packed)) in (None, index)
    assert codec.decode(bytes(packed[:place])) is None
    assert codec.decode(codec.encode(index) + b"x") is None


@given(st.binary(max_size=60))
@examples(100)
def test_bytes_from_elsewhere_are_a_miss(content: bytes) -> None:
    assert codec.decode(content) is None
    assert codec.decode(isal_zlib.compress(content)) is None


def repacked(index: LayerIndex, **changes: object) -> bytes:
    columns = msgspec.msgpack.decode(isal_zlib.decompress(codec.encode(index)), type=codec._Columns)
    return bytes(isal_zlib.compress(msgspec.msgpack.encode(msgspec.structs.replace(columns, **changes))))


@pytest.mark.parametrize(
    "changes",
    [
        {"homes": b"\x01\0\0\0\0\0\0\0"},
        {"homes": b"\0\0\0\0"},
        {"owned": b"\x01\0\0\0\0\0\0\0"},
        {"ends": b"\x02\0\0\0\x01\0\0\0"},
        {"ends": b"\x01\0\0\0\x03\0\0\0"},
        {"names": b"abc"},
        {"links": b"ab"},
        {"link_ends": b""},
        {"kinds": b"f?"},
        {"kinds": b"f"},
        {"modes": b"\0" * 7},
        {"sizes": b"\0" * 8},
        {"linked": b"\x09\0\0\0"},
        {"kept": b"\x09\0\0\0", "data": [b"x"]},
        {"kept": b"\0\0\0\0", "data": []},
        {"diff_id": "sha256:short"},
        {"blob_digest": "../../etc"},
    ],
    ids=str,
)
def test_columns_that_do_not_fit_each_other_are_a_miss(changes: dict[str, object]) -> None:
    index = index_of(Entry("a", Kind.FILE, 0o644, 1, data=b"1"), Entry("b", Kind.SYMLINK, 0o777, 0, link="a"))
    assert codec.decode(repacked(index)) == index
    assert codec.decode(repacked(index, **changes)) is None


def test_a_layer_of_42000_files_decodes_quickly() -> None:
    entries = [
        Entry(f"app/.venv/lib/python3.11/site-packages/p{i % 97}/sub{i % 13}/module_{i}.py", Kind.FILE, 0o644, i)
        for i in range(42_000)
    ]
    packed = codec.encode(index_of(*entries))
    best = min(_timed(packed) for _ in range(5))
    assert best < 0.25, "ten times what it takes alone on a slow machine"


def _timed(packed: bytes) -> float:
    start = time.perf_counter()
    assert codec.decode(packed) is not None
    return time.perf_counter() - start
