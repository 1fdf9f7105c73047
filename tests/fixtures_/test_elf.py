"""The made-up ELF files against a parser, and against the kernel and loader of this machine."""

from __future__ import annotations

import ctypes
import io
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.dynamic import Dynamic, DynamicSection, DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection
from elftools.elf.segments import InterpSegment

from fixtures.bases import GLIBC_LOADER, alpine, debian, glibc_versions, loader_path, program
from fixtures.elf import MACHINES, Elf
from inspector.testing.tree import File, Member

LIBRARY = Elf(
    soname="libx.so.1",
    needed=("libc.so.6", "libm.so.6"),
    runpath="$ORIGIN/../lib",
    requires={"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.14"), "libm.so.6": ("GLIBC_2.29",)},
    defines=("X_1.0", "X_1.1"),
    text=b"a banner",
)

here = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or not Path(GLIBC_LOADER["x86_64"]).exists(),
    reason="needs the kernel and loader of Linux on x86-64",
)


def parsed(content: bytes) -> ELFFile:
    return ELFFile(io.BytesIO(content))


def texts(dynamic: Dynamic, name: str) -> list[str]:
    return [getattr(tag, name) for tag in dynamic.iter_tags(f"DT_{name.upper()}")]


def content_of(member: Member) -> bytes:
    assert isinstance(member, File)
    return member.data


def test_dynamic_section_holds_what_was_asked() -> None:
    dynamic = parsed(LIBRARY.encode()).get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    assert texts(dynamic, "needed") == ["libc.so.6", "libm.so.6"]
    assert texts(dynamic, "soname") == ["libx.so.1"]
    assert texts(dynamic, "runpath") == ["$ORIGIN/../lib"]
    assert not list(dynamic.iter_tags("DT_RPATH"))


def test_segments_alone_tell_the_same() -> None:
    """A file stripped of its section headers must still be readable, as the loader reads it."""
    content = bytearray(LIBRARY.encode())
    content[40:48] = bytes(8)
    content[58:64] = bytes(6)
    (dynamic,) = (segment for segment in parsed(bytes(content)).iter_segments() if isinstance(segment, DynamicSegment))
    assert texts(dynamic, "needed") == ["libc.so.6", "libm.so.6"]


def test_versions() -> None:
    elf = parsed(LIBRARY.encode())
    needs, defines = elf.get_section_by_name(".gnu.version_r"), elf.get_section_by_name(".gnu.version_d")
    assert isinstance(needs, GNUVerNeedSection)
    assert isinstance(defines, GNUVerDefSection)
    assert {library.name: [version.name for version in versions] for library, versions in needs.iter_versions()} == {
        "libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.14"],
        "libm.so.6": ["GLIBC_2.29"],
    }
    assert [[name.name for name in names] for _, names in defines.iter_versions()] == [
        ["libx.so.1"],
        ["X_1.0"],
        ["X_1.1"],
    ]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_programs_name_their_loader(machine: str, libc: str) -> None:
    elf = parsed(program(machine, libc).data)
    (interp,) = (segment for segment in elf.iter_segments() if isinstance(segment, InterpSegment))
    assert interp.get_interp_name() == loader_path(machine, libc)
    assert elf["e_machine"] == {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}[machine]


@pytest.mark.parametrize(("machine", "first"), [("x86_64", "GLIBC_2.2.5"), ("aarch64", "GLIBC_2.17")])
def test_glibc_defines_its_versions(machine: str, first: str) -> None:
    libc = content_of(debian(machine, "2.27")[f"usr/lib/{machine}-linux-gnu/libc.so.6"])
    section = parsed(libc).get_section_by_name(".gnu.version_d")
    assert isinstance(section, GNUVerDefSection)
    names = [next(iter(names)).name for _, names in section.iter_versions()]
    assert names == ["libc.so.6", *glibc_versions(machine, "2.27")]
    assert names[1] == first
    assert names[-2:] == ["GLIBC_2.27", "GLIBC_PRIVATE"]


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf")
@pytest.mark.parametrize("content", [LIBRARY.encode(), program("aarch64").data, content_of(alpine()["bin/busybox"])])
def test_readelf_has_nothing_to_complain_of(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    found = subprocess.run(["readelf", "--all", "--wide", str(file)], capture_output=True, text=True, check=True)
    assert found.stderr == ""
    assert "no section to segment" not in found.stdout.lower()


@here
def test_the_kernel_and_its_loader_start_a_program(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(program().data)
    file.chmod(0o755)
    assert subprocess.run([str(file)], check=False, timeout=10).returncode == 0


@here
def test_the_loader_finds_a_missing_library(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(program(needed=("libnowhere.so.7",)).data)
    file.chmod(0o755)
    found = subprocess.run([str(file)], check=False, capture_output=True, text=True, timeout=10)
    assert found.returncode == 127
    assert "libnowhere.so.7: cannot open shared object file" in found.stderr


@here
def test_the_loader_takes_a_library_and_checks_its_versions(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.so", tmp_path / "bad.so"
    good.write_bytes(LIBRARY.encode())
    bad.write_bytes(Elf(needed=("libc.so.6",), requires={"libc.so.6": ("GLIBC_9.99",)}).encode())
    ctypes.CDLL(os.fspath(good))
    with pytest.raises(OSError, match=r"version `GLIBC_9\.99' not found"):
        ctypes.CDLL(os.fspath(bad))
