"""Numbers and times against what Go's archive/tar answers to the same bytes (strconv.go)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.layers.fields import check_time, decimal, numeric, octal, on_disk

NUMERIC = {
    b"0000644\0": 0o644,
    b"0000644 ": 0o644,
    b"    644 ": 0o644,
    b"\0\0 644\0\0": 0o644,
    b"00000644": 0o644,
    b"644\0zzzz": 0o644,
    b"\0\0\0\0\0\0\0\0": 0,
    b"        ": 0,
    b"\x80\0\0\0\0\0\0\5": 5,
    b"\xff\xff\xff\xff\xff\xff\xff\xff": -1,
    b"\xff\xff\xff\xff\xff\xff\xff\xfb": -5,
    b"\xc0\0\0\0\0\0\0\0": -(1 << 62),
    b"\xbf\xff\xff\xff\xff\xff\xff\xff": (1 << 62) - 1,
    b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff": (1 << 63) - 1,
    b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0": -(1 << 63),
}
NOT_NUMERIC = [
    b"-0000001",
    b"+0000001",
    b"0x000010",
    b"0000 644",
    b"00000089",
    b"0_000644",
    b"644 \0zzz",
    b"\t0000644",
    b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xbf" + b"\xff" * 11,
    b"\xc0" + bytes(11),
]


@pytest.mark.parametrize("field", NUMERIC)
def test_a_field_is_octal_or_base_256(field: bytes) -> None:
    assert numeric(field) == NUMERIC[field]


@pytest.mark.parametrize("field", NOT_NUMERIC)
def test_a_field_that_go_refuses_is_refused(field: bytes) -> None:
    with pytest.raises(ValueError, match="is no number"):
        numeric(field)


def test_a_checksum_is_octal_alone() -> None:
    with pytest.raises(ValueError, match="no number"):
        octal(b"\x80\0\0\0\0\0\0\5")


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_base_256_is_twos_complement_below_the_first_bit(value: int) -> None:
    assert numeric((value % (1 << 96) | 1 << 95).to_bytes(12, "big")) == value


DECIMAL = {
    b"0": 0,
    b"-0": 0,
    b"+5": 5,
    b"-5": -5,
    b"007": 7,
    b"0" * 5000 + b"8": 8,
    b"9223372036854775807": (1 << 63) - 1,
    b"-9223372036854775808": -(1 << 63),
}


@pytest.mark.parametrize("text", DECIMAL, ids=lambda text: text[:24].decode())
def test_a_decimal_may_have_a_sign_and_zeros(text: bytes) -> None:
    assert decimal(text) == DECIMAL[text]


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"-", b"+-1", b"1_0", b" 1", b"1 ", b"1\n", b"0x1", b"1e3", b"\xd9\xa1", b"1" * 5000),
        *(b"9223372036854775808", b"-9223372036854775809"),
    ],
    ids=lambda text: str(text[:24]),
)
def test_a_decimal_that_go_refuses_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="no number"):
        decimal(text)


@pytest.mark.parametrize("text", [b"1", b"-1.5", b"+1.", b"1.12345678901234567890", b"-9223372036854775808.0", b"01.0"])
def test_a_time_may_have_a_fraction_of_any_length(text: bytes) -> None:
    check_time(text)


@pytest.mark.parametrize("text", [b".5", b"1.-5", b"1.2.3", b"1,5", b"-", b"1e9", b"1. 5", b"9223372036854775808"])
def test_a_time_that_go_refuses_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="is no "):
        check_time(text)


def test_an_owner_has_32_bits_and_root_for_none() -> None:
    assert [on_disk(owner) for owner in (0, 1000, -1, -2, 1 << 32, (1 << 32) - 1)] == [0, 1000, 0, 0xFFFFFFFE, 0, 0]
