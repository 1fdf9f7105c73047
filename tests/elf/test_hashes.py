"""The hash of names, which decides whether a symbol is there."""

from __future__ import annotations

import random

from inspector.elf import gnu_hash


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
