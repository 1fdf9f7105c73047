"""What compat libraries say of themselves, and when they are used; notes that are cut or made to mislead."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.compat import compat_library
from inspector.gpu.compat import Compat, Note, Toolkit, is_used, note_of, version_of

DRIVERS = (535, 550, 570, 575, 580, 590)
HEAD = compat_library("13.1", DRIVERS)[:4096]


def test_a_note_is_read_from_the_first_page() -> None:
    assert note_of(HEAD) == Note("13.1", DRIVERS, (1, 2, 7))
    assert note_of(compat_library("12.9", (535,), at=0x1EC)) == Note("12.9", (535,), (1, 2, 7))
    assert note_of(compat_library("12.4", ())) is None
    assert note_of(b"") is None


def note(text: bytes, size: int | None = None) -> bytes:
    return struct.pack("<III", 19, len(text) if size is None else size, 1) + b"NVIDIA Corporation\0\0" + text


@pytest.mark.parametrize(
    "head",
    [
        HEAD[:0x290],
        note(b"{}", 1 << 31),
        note(b"no JSON"),
        note(b'{"CUDA version": "13.1"}'),
        note(b'{"driver": [-1]}'),
        note(b'{"driver": [1e999]}'),
        note(b'{"driver": [99999999999999999999999]}'),
        note(b'{"driver": ' + b"[" * 3000),
        note(b'{"CUDA version": "' + b"1" * 100 + b'"}'),
        note(b'{"driver": [' + b",".join([b"535"] * 300) + b"]}"),
        note(b"\xff\xfe"),
    ],
)
def test_a_note_that_can_not_be_read_is_not_taken_for_none(head: bytes) -> None:
    with pytest.raises(ValueError, match="note"):
        note_of(head)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_none(data: bytes) -> None:
    assert note_of(data) is None
    for begin in (note(data)[:-1], HEAD[:0x25C] + data):
        try:
            note_of(begin)
        except ValueError as error:
            assert "note" in str(error)  # noqa: PT017 - some are notes


def test_the_name_of_the_owner_alone_is_no_note() -> None:
    assert note_of(b"built by NVIDIA Corporation\0 for all") is None


@pytest.mark.parametrize(("toolkit", "used"), [((1, 19, 0), True), ((1, 20, 0), None), (None, None)])
def test_an_unread_note_decides_with_newer_toolkits_only(toolkit: Toolkit | None, *, used: bool | None) -> None:
    compat = Compat("/usr/local/cuda/compat/libcuda.so.590.44.01", "590.44.01", unread="its layer went by")
    assert is_used(compat, "570.86.10", "cdi", toolkit) is used
    assert is_used(compat, "570.86.10", "legacy", toolkit) is True


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("libcuda.so.590.44.01", "590.44.01"),
        ("libcuda.so.550.54", "550.54"),
        ("libcuda.so.1", None),
        ("libcuda.so", None),
        ("libcuda.so.590.44.01.old", None),
        ("libcuda.so.٣.4", None),
    ],
)
def test_versions_stand_in_names(name: str, version: str | None) -> None:
    assert version_of(name) == version
