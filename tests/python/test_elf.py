"""ELF headers and symbol versions, of fixtures and of the files that this machine runs."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.bases import debian, glibc_versions, loader_path, program
from fixtures.elf import MACHINES, Elf
from inspector.python.elf import ElfHeader, defined_versions, parse_header
from inspector.python.libc import find_libc
from inspector.python.model import Libc
from inspector.testing.tree import Link
from tests.effort import examples
from tests.support import rootfs_of

HEAD = 1024


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_program(machine: str, libc: str) -> None:
    header = parse_header(program(machine, libc).data[:HEAD])
    assert header is not None
    assert (header.machine, header.bits, header.executable) == (machine, 64, True)
    assert header.loader == loader_path(machine, libc)


def test_static_program_has_no_loader() -> None:
    header = parse_header(Elf().encode())
    assert header is not None
    assert header.loader == ""


def test_loader_past_the_bytes_at_hand_is_not_known() -> None:
    header = parse_header(program().data[:200])
    assert header is not None
    assert header.loader is None


def test_32_bits_and_other_order() -> None:
    ident = b"\x7fELF\x01\x02" + bytes(10)
    header = parse_header(ident + struct.pack(">2H5I6H", 2, 8, 1, 0, 0, 0, 0, 52, 32, 0, 40, 0, 0))
    assert header is not None
    assert (header.machine, header.bits, header.order, header.loader) == ("machine 8", 32, ">", "")
    little = b"\x7fELF\x01\x01" + bytes(10)
    header = parse_header(little + struct.pack("<2H5I6H", 2, 40, 1, 0, 0, 0, 0, 52, 32, 0, 40, 0, 0))
    assert header is not None
    assert header.machine == "armv7l"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the machine's own program")
def test_the_program_that_runs_this() -> None:
    own = Path(sys.executable).resolve()
    header = parse_header(own.read_bytes()[:HEAD])
    assert header is not None
    assert header.machine == __import__("platform").machine()
    assert header.loader is None or not header.loader or Path(header.loader).exists()


def test_versions_that_a_library_defines() -> None:
    library = debian()["usr/lib/x86_64-linux-gnu/libc.so.6"]
    assert not isinstance(library, bytes | Link)
    names = defined_versions(library.data)  # type: ignore[union-attr]
    assert names == ["libc.so.6", *glibc_versions("x86_64", "2.36")]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the machine's own C library")
def test_versions_of_the_real_library_are_those_that_pyelftools_reads() -> None:
    elffile = pytest.importorskip("elftools.elf.elffile")
    found = sorted(Path("/").glob("lib*/**/libc.so.6"))
    if not found:
        pytest.skip("no libc.so.6 here")
    with found[0].open("rb") as file:
        section = elffile.ELFFile(file).get_section_by_name(".gnu.version_d")
        expected = [next(names).name for _, names in section.iter_versions()]
    assert defined_versions(found[0].read_bytes()) == expected


@examples(60)
@given(st.data())
def test_damage_never_breaks_the_reading(data: st.DataObject) -> None:
    content = bytearray(Elf(soname="libc.so.6", defines=("GLIBC_2.2.5", "GLIBC_2.36")).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(4, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert parse_header(cut) is None or isinstance(parse_header(cut), ElfHeader)
    assert len(defined_versions(cut)) <= 1024


def test_glibc_beside_its_loader() -> None:
    header = parse_header(program().data[:HEAD])
    assert header is not None
    assert find_libc(rootfs_of(debian(version="2.31")), header) == Libc("glibc", "2.31")
    assert find_libc(rootfs_of({"x": b""}), header) == Libc("glibc", None)


def test_musl_by_its_package() -> None:
    header = parse_header(program(libc="musl").data[:HEAD])
    assert header is not None
    assert find_libc(rootfs_of({"lib/apk/db/installed": b"P:a\nV:1\n\nP:musl\nV:1.2.4-r3\n"}), header) == Libc(
        "musl", "1.2.4"
    )
    assert find_libc(rootfs_of({"x": b""}), header) == Libc("musl", None)
