"""musl's loader: what it does with made-up libraries, and what the model says of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.loader.room import MUSL, USER, Room, not_here
from tests.loader.test_cases import BETA, USES, agreed, extension, furnished, rpath, runpath

pytestmark = pytest.mark.lab
"""They compile libraries and ask the real loader in a root of its own: gcc, patchelf, musl, and root's rights."""

NOT_FOUND = "Error loading shared library {}: No such file or directory"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A root with musl, and what `furnished` says."""
    if shutil.which("musl-gcc") is None or not Path(MUSL).exists():
        not_here("there is no musl-gcc")
    return furnished(Room(tmp_path, "musl"))


def test_a_runpath_is_inherited(room: Room) -> None:
    room.library("/a/libalpha.so", "int a;", needs=["/good/libbeta.so.1"], soname="libalpha.so")
    room.library("/m.so", "int m;", *runpath("/a", "/good"), needs=["/a/libalpha.so"])
    assert agreed(room, "/m.so") == ["OK"]


def test_the_program_s_runpath_serves_all(room: Room) -> None:
    room.program("/other", *runpath("/good"))
    assert agreed(room, extension(room), program="/other") == ["OK"]


def test_the_environment_comes_before_a_rpath(room: Room) -> None:
    extension(room, *rpath("/good"))
    assert agreed(room, "/m.so") == ["OK"]
    said = agreed(room, "/m.so", environment={"LD_LIBRARY_PATH": "/stub"})
    assert said == ["Error relocating /m.so: beta: symbol not found"]


def test_names_are_those_of_files_and_never_sonames(room: Room) -> None:
    extension(room)
    missing = NOT_FOUND.format("libbeta.so.1") + " (needed by /m.so)"
    assert agreed(room, "/good/libbeta.so.1", "/m.so") == ["OK", missing]
    environment = {"LD_LIBRARY_PATH": "/good"}
    assert agreed(room, "libbeta.so.1", "/m.so", environment=environment) == ["OK", "OK"]


@pytest.mark.parametrize("folder", ["/lib", "/usr/local/lib", "/usr/lib", "/lib64"])
def test_default_directories(room: Room, folder: str) -> None:
    extension(room)
    room.copy("/good/libbeta.so.1", f"{folder}/libbeta.so.1")
    agreed(room, "/m.so")


def test_directories_of_the_path_file(room: Room) -> None:
    extension(room)
    room.put("/etc/ld-musl-x86_64.path", b"/none\n/good\n")
    assert agreed(room, "/m.so") == ["OK"]
    room.put("/etc/ld-musl-x86_64.path", b"/stub:/good")
    assert agreed(room, "/m.so") == ["Error relocating /m.so: beta: symbol not found"]


@pytest.mark.parametrize("token", ["$ORIGIN/../good", "${ORIGIN}/../good", "/good:$LIB", "$ORIGIN/../none:/good"])
def test_tokens(room: Room, token: str) -> None:
    agreed(room, extension(room, *rpath(token), path="/o/m.so"))


def test_glibc_s_libraries_are_its_own(room: Room) -> None:
    room.library("/m.so", "int m;")
    room.patch("/m.so", "--add-needed", "libm.so.6", "--add-needed", "libpthread.so.0")
    assert agreed(room, "/m.so") == ["OK"]


def test_versions_are_not_looked_at(room: Room) -> None:
    room.put("/v.map", b"V_1 { beta; };")
    room.library("/v/libbeta.so.1", BETA, f"-Wl,--version-script={room.host('/v.map')}", soname="libbeta.so.1")
    room.library("/m.so", USES, *rpath("/good"), needs=["/v/libbeta.so.1"])
    assert agreed(room, "/m.so") == ["OK"]


def test_files_that_no_library_can_be(room: Room) -> None:
    extension(room)
    room.put("/empty.so", b"")
    room.put("/text.so", b"INPUT(libbeta.so.1)" * 10)
    room.host("/directory.so").mkdir()
    for name in ("empty", "text", "directory", "gone"):
        agreed(room, f"/{name}.so")
    room.put("/bad/libbeta.so.1", b"")
    extension(room, *rpath("/bad", "/good"))
    agreed(room, "/m.so")


def test_rights_of_the_user(room: Room) -> None:
    extension(room, *rpath("/good"))
    room.host("/m.so").chmod(0o600)
    agreed(room, "/m.so", user=USER)
    room.host("/m.so").chmod(0o644)
    room.host("/good").chmod(0o600)
    agreed(room, "/m.so", user=USER)


def test_scopes(room: Room) -> None:
    room.library("/m.so", USES)
    missed = "Error relocating /m.so: beta: symbol not found"
    assert agreed(room, "/good/libbeta.so.1", "/m.so") == ["OK", missed]
    assert agreed(room, "global:/good/libbeta.so.1", "/m.so") == ["OK", "OK"]
    assert agreed(room, "/m.so", environment={"LD_PRELOAD": "/good/libbeta.so.1"}) == ["OK"]


def test_the_start_of_a_program(room: Room) -> None:
    room.program("/linked")
    room.patch("/linked", "--add-needed", "libbeta.so.1")
    assert agreed(room, program="/linked")[-1] == "status 127"
    assert agreed(room, program="/linked", environment={"LD_LIBRARY_PATH": "/good"}) == []
