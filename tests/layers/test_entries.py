"""Entries by columns: what goes in comes out, and the memory that they say they take bounds them."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.layers import entries as module
from inspector.layers.entries import Entries, Entry
from inspector.layers.tar import normal
from inspector.rootfs import Kind
from tests.effort import examples

NAMES = st.binary(max_size=6).map(lambda raw: raw.replace(b"\0", b"/").decode("utf-8", "surrogateescape"))
ANY = st.builds(
    Entry,
    path=NAMES.map(normal),
    kind=st.sampled_from(Kind),
    mode=st.integers(0, 0o7777),
    size=st.integers(0, 2**63),
    link=NAMES,
    data=st.binary(max_size=5),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 3),
    attributes=st.lists(st.tuples(NAMES, st.binary(max_size=3)), max_size=2).map(tuple),
    device=st.sampled_from([None, (0, 0), (8, 1)]),
)


@given(st.lists(ANY, max_size=12))
@examples(100)
def test_entries_come_out_as_they_went_in(expected: list[Entry]) -> None:
    entries = Entries(expected)
    assert list(entries) == expected
    assert [entries[place] for place in range(len(expected))] == expected
    assert [entries.path(place) for place in range(len(expected))] == [entry.path for entry in expected]
    assert entries[1:3] == expected[1:3]
    assert entries == expected
    assert entries != [*expected, Entry("x", Kind.FIFO, 0)]
    assert entries.kept == sum(len(entry.data) for entry in expected)


def test_what_is_weighed_again_weighs_the_same() -> None:
    entries = Entries(
        Entry(f"d{number % 7}/{number}", kind, 0o644, 1, "link" * (number % 3), b"x" * (number % 2), uid=number % 4)
        for number, kind in enumerate([*Kind] * 9)
    )
    before = entries.weight
    entries.weigh()
    assert 0 <= entries.weight - before <= 400  # the owner that every layer begins with


def test_the_weight_is_no_less_than_what_python_says() -> None:
    """Without the merged tree, which takes the rest."""
    entries = Entries(
        Entry(f"usr/lib/package{number // 12}/module_{number}.py", Kind.FILE, 0o644, number) for number in range(24_000)
    )
    entries.seal()
    columns = [entries.homes, entries.names, entries.ends, entries.kinds, entries.modes, entries.sizes, entries.owned]
    held = sum(map(sys.getsizeof, [*columns, entries.parents, *entries.parents]))
    assert held < entries.weight < 3 * held


@pytest.mark.parametrize(
    "entry",
    [
        Entry("f" * 900, Kind.FILE, 0o644),
        Entry("f", Kind.SYMLINK, 0o777, link="l" * 900),
        Entry("p" * 900 + "/f", Kind.FILE, 0o644),
        Entry("f", Kind.FILE, 0o644, 900, data=b"x" * 900),
        Entry("f", Kind.FILE, 0o644, attributes=(("trusted.overlay.x", b"x" * 900),)),
    ],
    ids=["name", "link", "parent", "data", "attribute"],
)
def test_all_that_entries_hold_is_bounded(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 8000)
    entries = Entries([Entry("f", Kind.FILE, 0o644)])
    entries.seal()
    with pytest.raises(LimitExceeded, match="more than 8000 bytes"):
        Entries([entry, *(Entry(str(place), Kind.FILE, 0) for place in range(200))]).seal()


def test_owners_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    with pytest.raises(LimitExceeded, match="more than 100000 bytes"):
        Entries(Entry("f", Kind.FILE, 0, uid=number) for number in range(1000))
    assert len(Entries(Entry("f", Kind.FILE, 0, uid=number % 2) for number in range(1000))) == 1000
