"""The forward pass: the layouts that linkers and patchers make, its bound, and what it says when bytes had gone by."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.elf import Elf
from inspector.elf import MAX_HELD, Skeleton
from inspector.elf.forward import SMALL
from inspector.elf.opened import PASSED
from tests.elf.reading import forward, is_partial, sought

LIBRARY = Elf(
    soname="libx.so.1",
    needed=("liba.so.1", "libc.so.6"),
    runpath="$ORIGIN",
    requires={"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.34")},
    defines=("X_1", "X_2"),
)


@pytest.mark.parametrize("piece", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("text", [b"", bytes(3 << 20)])
def test_pieces_of_any_size_tell_the_same(piece: int, text: bytes) -> None:
    content = Elf(soname="libx.so.1", needed=("liba.so.1",), defines=("X_1",), text=text).encode()
    if piece * 100_000 < len(content):
        pytest.skip("too many pieces")
    passed = forward(content, piece)
    assert (passed.skeleton, passed.symbols) == sought(content)
    assert passed.head == content[:4096]


def test_code_of_any_size_in_front_is_passed_over() -> None:
    """.dynamic lies behind 40 MB of data, and the tables in front of these."""
    content = Elf(soname="libx.so.1", defines=("X_1",), text=bytes(40 << 20)).encode()
    passed = forward(content)
    assert isinstance(passed.skeleton, Skeleton)
    assert (passed.skeleton.soname, passed.skeleton.defined) == ("libx.so.1", ("libx.so.1", "X_1"))
    assert (passed.skeleton, passed.symbols) == sought(content)


def test_what_may_not_be_held_is_said_to_have_gone_by() -> None:
    content = Elf(soname="libx.so.1", defines=("X_1",), text=bytes(SMALL + (2 << 20))).encode()
    passed = forward(content, granted=False)
    assert is_partial(passed)
    assert isinstance(passed.skeleton, Skeleton)
    assert PASSED in passed.skeleton.partial


@pytest.mark.skipif(not shutil.which("patchelf"), reason="needs patchelf")
@pytest.mark.parametrize("options", [["--set-rpath", "/x" * 3000], ["--set-soname", "lib" + "y" * 500 + ".so"]])
def test_tables_that_patchelf_moved_are_found(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "lib.so"
    source = next((p for p in Path("/usr/lib").rglob("libz.so.1.*") if not p.is_symlink()), None)
    if source is None:
        pytest.skip("no libz here")
    path.write_bytes(source.read_bytes())
    subprocess.run(["patchelf", *options, path], check=True)
    content = path.read_bytes()
    passed = forward(content)
    assert not is_partial(passed)
    assert (passed.skeleton, passed.symbols) == sought(content)
    assert options[1] in repr(passed.skeleton)


@pytest.mark.skipif(not shutil.which("patchelf"), reason="needs patchelf")
def test_an_interpreter_at_the_end_of_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(Path("/bin/true").read_bytes())
    loader = "/opt" + "/long" * 100 + "/ld.so"
    subprocess.run(["patchelf", "--set-interpreter", loader, path], check=True)
    content = path.read_bytes()
    for skeleton in (forward(content).skeleton, sought(content)[0]):
        assert isinstance(skeleton, Skeleton)
        assert skeleton.interpreter == loader


def test_the_bound_is_what_it_is_said_to_be() -> None:
    assert MAX_HELD <= 26 << 20
