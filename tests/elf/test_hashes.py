"""The hash of names, which decides whether a symbol is there."""

from __future__ import annotations

import random
from array import array

import pytest

from inspector.elf import gnu_hash
from inspector.elf.hashes import restored


def by_definition(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) % 2**32
    return value


def test_the_hash_is_that_of_its_definition() -> None:
    given = random.Random(33)
    names = [given.randbytes(size) for size in (*range(80), 599, 600, 601, 5000)]
    names += [bytes([byte]) * 7 for byte in range(256)]
    assert [gnu_hash(name) for name in names] == [by_definition(name) for name in names]


@pytest.mark.parametrize("count", [2, 3, 17, 64, 1031])
def test_the_lowest_bits_follow_from_the_buckets(count: int) -> None:
    given = random.Random(count)
    hashes = sorted((given.getrandbits(32) for _ in range(500)), key=lambda value: value % count)
    buckets = [value % count for value in hashes]
    first = 7
    starts = [first + buckets.index(number) if number in buckets else 0 for number in range(count)]
    ends = [at + 1 == len(hashes) or buckets[at] != buckets[at + 1] for at in range(len(hashes))]
    links = array("I", [value & ~1 | end for value, end in zip(hashes, ends, strict=True)])
    assert list(restored(links, starts, first)) == hashes


@pytest.mark.parametrize("starts", [[0, 0], [9, 9, 9], [9, 8], [1, 2, 9], [8, 0]])
def test_buckets_that_make_no_sense_are_no_error(starts: list[int]) -> None:
    links = array("I", [2, 4, 7] if max(starts, default=0) >= 7 else [])
    assert len(restored(links, starts, 7)) == len(links)
