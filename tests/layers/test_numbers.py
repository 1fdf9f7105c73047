"""Columns of numbers as they are kept."""

from __future__ import annotations

from array import array

import pytest

from inspector.layers.numbers import little


@pytest.mark.parametrize(("order", "expected"), [("little", [1, 2]), ("big", [1 << 24, 2 << 24])])
def test_they_are_little_endian_everywhere(order: str, expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", order)
    assert list(little(array("I", [1, 2]))) == expected
