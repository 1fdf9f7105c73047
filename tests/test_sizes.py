"""Sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.sizes import parse_size, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("1 GB", 10**9),
        ("1GB", 10**9),
        ("1.5 GB", 1_500_000_000),
        ("1.5gb", 1_500_000_000),
        ("1 GiB", 2**30),
        ("0.5 KiB", 512),
        ("12 kB", 12_000),
        (" 3 TB ", 3 * 10**12),
        ("1.0000001 MB", None),
        ("1", None),
        ("GB", None),
        ("-1 GB", None),
        ("1,5 GB", None),
        ("1 G", 10**9),
        ("500M", 500_000_000),
        ("1 Gi", None),
        ("1 Gb/s", None),
        ("1e9 B", None),
        ("\u0661 GB", None),
        ("1 KB\n", 1_000),
        ("", None),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size: int | None) -> None:
    if size is not None:
        assert parse_size(text) == size
        return
    with pytest.raises(ValueError, match=r"is not a size: write a number and one of B, kB, MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (699_000_000, "699 MB"),
        (999_600_000, "1.00 GB"),
        (1_500_000_000, "1.50 GB"),
        (6_100_000_000, "6.10 GB"),
        (2**60, "1152922 TB"),
    ],
)
def test_a_size_is_shown_in_three_digits(size: int, text: str) -> None:
    assert show_size(size) == text


@given(st.integers(0, 10**14))
def test_what_is_shown_is_read_back_within_half_a_percent(size: int) -> None:
    assert abs(parse_size(show_size(size)) - size) <= size * 0.00501
