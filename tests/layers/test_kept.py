"""The symbols that the cache keeps, as hashes: what they say is what the whole ones say."""

from __future__ import annotations

import random
from array import array

import pytest

from inspector.elf import Symbols, bytes_of, words_of
from inspector.layers.kept import joined, kept, pack_kept, unpack_kept
from inspector.loader.tables import Table, table_of

NAMES = [f"name{number}".encode() for number in range(40)]


def whole(given: random.Random) -> Symbols:
    """Symbols of some file, with versions or without."""
    every = [given.getrandbits(31) for _ in range(given.randrange(30))]
    count = given.randrange(20)
    some = [bytes_of(given.sample(every, len(every) // 3)) for _ in range(2)]
    return Symbols(
        names=b"\0".join(given.choices(NAMES, k=count)),
        data=given.randrange(count + 1),
        versions=tuple(given.choice((-1, 0, 1)) for _ in range(count)),
        needs=(("libc.so.6", "GLIBC_2.2.5"), ("libm.so.6", "GLIBC_2.29")),
        exported=bytes_of(every),
        hidden=given.choice((b"", some[0])),
        modules=("m",),
        defined=given.choice((None, (), (("V_1", some[1]),), (("V_1", b""), ("", some[0])))),
    )


def said(table: Table) -> object:
    """What binding asks of a table."""
    return table.exported, table.plain, table.versions, {(each.file, each.version): each for each in table.groups}


def test_small_libraries_say_the_same() -> None:
    given = random.Random(1)
    files = {number: whole(given) for number in range(50)}
    packed = pack_kept({number: kept(each, frozenset()) for number, each in files.items()})
    again = unpack_kept(packed)
    assert again.keys() == files.keys()
    for number, each in files.items():
        assert said(table_of(again[number])) == said(table_of(each))
        assert (again[number].kept, again[number].thinned) == (True, False)


def test_of_large_libraries_what_was_looked_for_is_kept() -> None:
    given = random.Random(2)
    for _ in range(50):
        each = whole(given)
        exported = words_of(each.exported)
        looked = [frozenset(given.sample(list(exported), len(exported) // 2)) for _ in range(2)]
        one, other = (kept(each, wanted, 0) for wanted in looked)
        both = table_of(joined(one, other))
        of_all = table_of(each)
        seen = looked[0] | looked[1]
        assert both.exported == of_all.exported & seen
        assert both.plain == of_all.plain & seen
        for version in ("V_1", "V_2"):
            assert both.serving(seen, version) == of_all.serving(seen, version)


def test_a_version_of_which_nothing_was_looked_for_is_not_that_of_all() -> None:
    one, two = 2, 4
    symbols = Symbols(exported=bytes_of([one, two]), defined=(("V_1", bytes_of([one])), ("V_2", bytes_of([two]))))
    table = table_of(kept(symbols, frozenset({two}), 0))
    assert table.serving(frozenset({one, two}), "V_1") == frozenset()
    assert table.serving(frozenset({one, two}), "V_2") == {two}


def test_what_is_damaged_is_refused() -> None:
    packed = pack_kept({3: kept(Symbols(exported=bytes_of([1, 5, 7]), names=b"a", versions=(-1,)), frozenset())})
    assert list(words_of(unpack_kept(packed)[3].exported)) == [1, 5, 7]
    given = random.Random(3)
    for _ in range(2000):
        broken = bytearray(packed)
        broken[given.randrange(len(broken))] = given.randrange(256)
        try:
            found = unpack_kept(bytes(broken))
        except ValueError:
            continue
        assert all(isinstance(words_of(each.exported), array) for each in found.values())
    for damaged in (b"", b"\xc1", packed[:-1]):
        with pytest.raises(ValueError, match=r"."):
            unpack_kept(damaged)
