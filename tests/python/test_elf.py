"""ELF headers and symbol versions, of fixtures and of the files that this machine runs."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.bases import debian, loader_path, program
from fixtures.elf import MACHINES, Elf
from inspector.python.elf import ElfHeader, parse_header
from inspector.python.libc import find_libc
from inspector.python.model import Libc
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


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damage_never_breaks_the_reading(data: st.DataObject) -> None:
    content = bytearray(Elf(soname="libc.so.6", defines=("GLIBC_2.2.5", "GLIBC_2.36")).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(4, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert parse_header(cut) is None or isinstance(parse_header(cut), ElfHeader)


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
