"""Fat binaries: the architectures of their containers, and those that are damaged or made to exhaust."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from fixtures.fatbin import container, fatbin
from inspector.elf import Content
from inspector.elf.dynamic import Damaged
from inspector.elf.fatbin import Fatbins, read_fatbins
from tests.effort import examples

WHEEL = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"


class Counting(Content):
    """A file that counts how often it is read."""

    reads = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """See `Source.read_at`."""
        self.reads += 1
        return super().read_at(offset, size)


def library(section: bytes, name: str = ".nv_fatbin") -> Content:
    return Content(Elf(soname="libx.so", sections={name: section}).encode())


def read(section: bytes) -> Fatbins:
    found = read_fatbins(library(section))
    assert found is not None
    return found


def test_the_first_container_is_in_its_own_order_and_all_are_counted() -> None:
    found = read(fatbin(WHEEL, f"{WHEEL} sm_90a", WHEEL))
    assert found.first == tuple(WHEEL.split())
    assert found.lists == {tuple(sorted(WHEEL.split())): 2, tuple(sorted([*WHEEL.split(), "sm_90a"])): 1}
    assert (found.containers, found.cut) == (3, "")


@pytest.mark.parametrize(
    "architectures", ["sm_90a", "sm_103f sm_100a", "compute_120 sm_120", "sm_80 compute_80", "kind_90"]
)
def test_kinds_and_suffixes(architectures: str) -> None:
    shown = architectures.replace("kind_", "kind64_")
    assert read(fatbin(architectures)).first == tuple(shown.split())


@pytest.mark.parametrize("padding", [0, 8, 40, 4096, 70_000])
@pytest.mark.parametrize("name", [".nv_fatbin", "__nv_relfatbin"])
def test_zeros_lie_between_containers(padding: int, name: str) -> None:
    padding -= padding % 8
    found = read_fatbins(library(fatbin("sm_80", "sm_90", padding=padding) + bytes(padding), name))
    assert found is not None
    assert found.containers == 2


@pytest.mark.parametrize("header", [48, 64, 176])
def test_headers_of_any_length(header: int) -> None:
    assert read(container("sm_80", "sm_90", header=header)).first == ("sm_80", "sm_90")


def test_a_library_without_the_section_has_no_kernels() -> None:
    assert read_fatbins(Content(Elf(soname="libx.so").encode())) is None


@pytest.mark.parametrize(
    "content",
    [
        b"not an ELF file" * 10,
        Elf(soname="libx.so").encode()[:40] + bytes(24),
        Elf(soname="x", sections={".nv_fatbin": bytes(64)}).encode(),
        Elf(soname="x", sections={".nv_fatbin": b"something"}).encode(),
        Elf(soname="x", sections={".nv_fatbin": container("sm_80")[:-1]}).encode(),
        Elf(soname="x", sections={".nv_fatbin": container("sm_80", header=5000)}).encode(),
    ],
)
def test_what_can_not_be_told_is_not_taken_for_none(content: bytes) -> None:
    with pytest.raises(Damaged):
        read_fatbins(Content(content))


def test_what_follows_damage_is_not_known() -> None:
    found = read(fatbin("sm_80") + b"damage.." + fatbin("sm_90"))
    assert (found.first, found.containers) == (("sm_80",), 1)
    assert "no container" in found.cut


def test_only_so_many_containers_are_read() -> None:
    found = read_fatbins(library(fatbin(*["sm_80"] * 5)), 2)
    assert found is not None
    assert (found.containers, found.cut) == (2, "more than 2 containers")


@pytest.mark.parametrize(
    "section",
    [
        fatbin("sm_80") + bytes(3 << 20),
        fatbin(*["sm_80"] * 3_000),
        container(*["sm_80"] * 3_000),
        struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 0) * 3_000,
        struct.pack("<IHHQ", 0xBA55ED50, 1, 16, (1 << 64) - 1),
    ],
    ids=["zeros", "containers", "entries", "empty", "huge"],
)
def test_bounded_work(section: bytes) -> None:
    source = Counting(Elf(soname="libx.so", sections={".nv_fatbin": section}).encode())
    with contextlib.suppress(Damaged):
        read_fatbins(source)
    assert source.reads < 5_000


@examples(200)
@given(at=st.integers(0, 200), value=st.binary(min_size=1, max_size=8))
def test_whatever_is_changed_it_is_an_answer(at: int, value: bytes) -> None:
    whole = fatbin("sm_80 sm_90", "sm_80 sm_90")
    section = whole[:at] + value + whole[at + len(value) :]
    try:
        found = read(section)
    except Damaged:
        return
    assert 1 <= found.containers <= 2
