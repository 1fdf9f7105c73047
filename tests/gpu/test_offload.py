"""Clang's offload bundles: plain and packed, damaged and endless."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from inspector.elf import Content
from inspector.elf.dynamic import Damaged
from inspector.gpu.offload import MAX_ENTRIES, read_targets
from inspector.layers.zstandard import zstd_module
from tests.effort import examples

TARGETS = ("gfx90a:sramecc+:xnack-", "gfx942", "gfx11-generic")


def bundle(*targets: str, kind: str = "hipv4") -> bytes:
    names = ["host-x86_64-unknown-linux-gnu-", *(f"{kind}-amdgcn-amd-amdhsa--{target}" for target in targets)]
    entries = b"".join(struct.pack("<QQQ", 4096, 0, len(name)) + name.encode() for name in names)
    return b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(names)) + entries + bytes(200_000)


def packed(version: int, content: bytes, method: int = 1) -> bytes:
    body = zstd_module().compress(content) if method else zlib.compress(content)
    sizes = {1: struct.pack("<I", 0), 2: struct.pack("<II", 0, 0), 3: struct.pack("<QQ", 0, 0)}[version]
    return b"CCOB" + struct.pack("<HH", version, method) + sizes + bytes(8) + body


def read(section: bytes) -> tuple[str, ...] | None:
    return read_targets(Content(Elf(soname="x", sections={".hip_fatbin": section}).encode()))


def test_a_plain_bundle() -> None:
    assert read(bundle(*TARGETS)) == TARGETS
    assert read(bundle("gfx908", kind="hip")) == ("gfx908",)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("method", [0, 1])
def test_a_packed_bundle(version: int, method: int) -> None:
    assert read(packed(version, bundle(*TARGETS), method)) == TARGETS


def test_a_library_without_one() -> None:
    assert read_targets(Content(Elf(soname="x").encode())) is None


@pytest.mark.parametrize(
    "section",
    [
        b"anything",
        b"CCOB",
        b"CCOB\x09\0\x01\0" + bytes(100),
        b"CCOB\x02\0\x01\0" + bytes(100),
        b"CCOB\x02\0\0\0" + bytes(100),
        packed(2, b"anything"),
        bundle()[:30],
        bundle(*TARGETS)[:90],
        b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", MAX_ENTRIES + 1) + bytes(9000),
        b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<QQQQ", 1, 0, 0, 1 << 60) + bytes(9000),
    ],
)
def test_what_can_not_be_told(section: bytes) -> None:
    with pytest.raises(Damaged):
        read(section)


@examples(100)
@given(at=st.integers(0, 300), value=st.binary(min_size=1, max_size=8))
def test_whatever_is_changed_it_is_an_answer(at: int, value: bytes) -> None:
    for whole in (bundle(*TARGETS), packed(2, bundle(*TARGETS))):
        section = whole[:at] + value + whole[at + len(value) :]
        try:
            found = read(section)
        except Damaged:
            continue
        assert found is not None
