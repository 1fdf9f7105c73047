"""The written cases of the loader: what glibc does with made-up libraries, and what the model says of them."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.loader.room import USER, Room

pytestmark = pytest.mark.lab
"""They compile libraries and ask the real loader in a root of its own: gcc, patchelf, musl, and root's rights."""

BETA = "int beta(void) { return 1; }"
STUB = "int other(void) { return 1; }"
USES = "int beta(void); int m(void) { return beta(); }"
NOT_THERE = "libbeta.so.1: cannot open shared object file: No such file or directory"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A root with glibc, and what `furnished` says."""
    return furnished(Room(tmp_path))


def furnished(room: Room) -> Room:
    """Add an opener, and `/good/libbeta.so.1`; `/stub/libbeta.so.1` lacks the symbol."""
    room.program()
    room.library("/good/libbeta.so.1", BETA, soname="libbeta.so.1")
    room.library("/stub/libbeta.so.1", STUB, soname="libbeta.so.1")
    return room


def extension(room: Room, *flags: str, path: str = "/m.so") -> str:
    """`m`, which uses beta."""
    return room.library(path, USES, *flags, needs=["/good/libbeta.so.1"])


def agreed(
    room: Room,
    *steps: str,
    program: str = "/opener",
    environment: Mapping[str, str] | None = None,
    user: int = 0,
    cwd: str = "/",
) -> list[str]:
    """What the real loader says, once the model was found to say the same."""
    said = room.really(*steps, program=program, environment=environment, user=user, cwd=cwd)
    visible = [line for line in said if not line.startswith("Inconsistency detected")]
    assert room.model(*steps, program=program, environment=environment, user=user, cwd=cwd) == visible
    return said


def rpath(*folders: str) -> tuple[str, str]:
    """Flags that write DT_RPATH."""
    return "-Wl,--disable-new-dtags", f"-Wl,-rpath,{':'.join(folders)}"


def runpath(*folders: str) -> tuple[str, str]:
    """Flags that write DT_RUNPATH."""
    return "-Wl,--enable-new-dtags", f"-Wl,-rpath,{':'.join(folders)}"


def alpha(room: Room) -> str:
    """`libalpha.so`, which needs beta and has no path of its own."""
    return room.library("/a/libalpha.so", "int alpha;", needs=["/good/libbeta.so.1"], soname="libalpha.so")


def test_a_runpath_does_not_serve_the_dependencies_of_dependencies(room: Room) -> None:
    alpha(room)
    room.library("/m.so", "int m;", *runpath("/a"), needs=["/a/libalpha.so"])
    assert agreed(room, "/m.so") == [NOT_THERE]


def test_a_rpath_does(room: Room) -> None:
    alpha(room)
    room.library("/m.so", "int m;", *rpath("/a", "/good"), needs=["/a/libalpha.so"])
    assert agreed(room, "/m.so") == ["OK"]


def test_a_runpath_of_the_dependency_hides_the_rpath_of_its_loader(room: Room) -> None:
    room.library("/a/libalpha.so", "int a;", *runpath("/x"), needs=["/good/libbeta.so.1"], soname="libalpha.so")
    room.library("/m.so", "int m;", *rpath("/a", "/good"), needs=["/a/libalpha.so"])
    assert agreed(room, "/m.so") == [NOT_THERE]


def test_directories_that_do_not_exist_are_passed_over(room: Room) -> None:
    assert agreed(room, extension(room, *rpath("/none", "/neither", "/good"))) == ["OK"]


@pytest.mark.parametrize(("flags", "works"), [(rpath, True), (runpath, False)])
def test_only_a_rpath_comes_before_the_environment(room: Room, flags: object, works: bool) -> None:  # noqa: FBT001
    assert callable(flags)
    extension(room, *flags("/good"))
    said = agreed(room, "/m.so", environment={"LD_LIBRARY_PATH": "/stub"})
    assert said == (["OK"] if works else ["/m.so: undefined symbol: beta"])


@pytest.mark.parametrize(("flags", "works"), [(rpath, True), (runpath, False)])
def test_only_the_rpath_of_the_program_serves_all(room: Room, flags: object, works: bool) -> None:  # noqa: FBT001
    assert callable(flags)
    room.program("/other", *flags("/good"))
    said = agreed(room, extension(room), program="/other")
    assert said == (["OK"] if works else [NOT_THERE])


def test_a_name_with_a_slash_is_relative_to_the_working_directory(room: Room) -> None:
    room.library("/w/d/libslash.so", BETA)
    room.library("/m.so", USES)
    room.patch("/m.so", "--add-needed", "d/libslash.so")
    assert agreed(room, "/m.so", cwd="/w") == ["OK"]
    room.host("/elsewhere").mkdir()
    assert agreed(room, "/m.so", cwd="/elsewhere") == [
        "d/libslash.so: cannot open shared object file: No such file or directory"
    ]


def test_a_needed_name_may_hold_the_origin(room: Room) -> None:
    room.copy("/good/libbeta.so.1", "/o/b/libbeta.so.1")
    room.library("/o/m.so", USES)
    room.patch("/o/m.so", "--add-needed", "$ORIGIN/b/libbeta.so.1")
    assert agreed(room, "/o/m.so") == ["OK"]


@pytest.mark.parametrize("token", ["$ORIGIN/../good", "${ORIGIN}/../good", "$ORIGIN/../$NONE:/good", "$ORIGINAL:/good"])
def test_tokens(room: Room, token: str) -> None:
    assert agreed(room, extension(room, *rpath(token), path="/o/m.so")) == ["OK"]


def test_the_library_token(room: Room) -> None:
    room.copy("/good/libbeta.so.1", "/l/lib/x86_64-linux-gnu/libbeta.so.1")
    assert agreed(room, extension(room, *rpath("/l/$LIB"))) == ["OK"]


def test_the_origin_is_the_link_that_was_followed_and_the_kernel_goes_up_from_its_target(room: Room) -> None:
    extension(room, *rpath("$ORIGIN/../good"), path="/deep/in/m.so")
    room.link("/short", "/deep/in")
    assert agreed(room, "/short/m.so") == [NOT_THERE]
    room.copy("/good/libbeta.so.1", "/deep/good/libbeta.so.1")
    assert agreed(room, "/short/m.so") == ["OK"]


def test_two_names_of_one_file_are_one_object(room: Room) -> None:
    room.link("/good/libsame.so", "libbeta.so.1")
    extension(room, *rpath("/good"))
    room.patch("/m.so", "--add-needed", "libsame.so")
    assert agreed(room, "/m.so") == ["OK"]


def test_the_cache_alone_counts_for_a_directory_of_its_configuration(room: Room) -> None:
    extension(room)
    room.library("/usr/local/lib/libelse.so.1", BETA, soname="libelse.so.1")
    room.ldconfig("/usr/local/lib")
    room.copy("/good/libbeta.so.1", "/usr/local/lib/libbeta.so.1")
    assert agreed(room, "/m.so") == [NOT_THERE]
    room.ldconfig("/usr/local/lib")
    assert agreed(room, "/m.so") == ["OK"]
    room.copy("/stub/libbeta.so.1", "/usr/local/lib/libbeta.so.1")
    assert agreed(room, "/m.so") == ["/m.so: undefined symbol: beta"]
    room.host("/usr/local/lib/libbeta.so.1").unlink()
    assert agreed(room, "/m.so") == [NOT_THERE]


def test_the_first_directory_with_a_name_wins_in_the_cache(room: Room) -> None:
    extension(room)
    room.ldconfig("/stub", "/good")
    assert agreed(room, "/m.so") == ["/m.so: undefined symbol: beta"]
    room.ldconfig("/good", "/stub")
    assert agreed(room, "/m.so") == ["OK"]


def test_the_cache_holds_libraries_by_what_they_call_themselves(room: Room) -> None:
    extension(room)
    room.copy("/good/libbeta.so.1", "/usr/local/lib/renamed-copy.so")
    room.ldconfig("/usr/local/lib")
    assert agreed(room, "/m.so") == [NOT_THERE]
    room.copy("/good/libbeta.so.1", "/usr/local/lib/libwhatever.so")
    room.ldconfig("/usr/local/lib")
    assert agreed(room, "/m.so") == ["OK"]


@pytest.mark.parametrize("content", [b"", b"no cache at all", b"glibc-ld.so.cache1.1" + b"\xff" * 60])
def test_what_is_no_cache_is_as_good_as_none(room: Room, content: bytes) -> None:
    extension(room)
    room.put("/etc/ld.so.cache", content)
    assert agreed(room, "/m.so") == [NOT_THERE]


def test_many_numbered_names_are_found_in_the_cache(room: Room) -> None:
    names = [f"/good/lib{word}{number}.so.{number}" for word in ("a", "b-", "b1x", "z") for number in (2, 10, 9, 100)]
    for path in names:
        room.library(path, "int x;", soname=path.rpartition("/")[2])
    room.ldconfig("/good")
    assert agreed(room, *(path.rpartition("/")[2] for path in names), "libb-3.so.3") == [
        *["OK"] * len(names),
        "libb-3.so.3: cannot open shared object file: No such file or directory",
    ]


def test_no_default_directory_serves_an_object_that_declines_them(room: Room) -> None:
    room.copy("/good/libbeta.so.1", "/usr/lib/libbeta.so.1")
    extension(room, "-Wl,-z,nodefaultlib", path="/n.so")
    extension(room)
    assert agreed(room, "/n.so") == [NOT_THERE.rpartition(":")[0]]
    assert agreed(room, "/m.so", "/n.so") == ["OK", "OK"]


def test_hwcaps_directories_come_first(room: Room) -> None:
    extension(room, *rpath("/c"))
    room.copy("/stub/libbeta.so.1", "/c/glibc-hwcaps/x86-64-v2/libbeta.so.1")
    room.copy("/good/libbeta.so.1", "/c/libbeta.so.1")
    assert agreed(room, "/m.so") == ["/m.so: undefined symbol: beta"]


@pytest.mark.parametrize("below", ["tls", "x86_64", "haswell", "tls/haswell/x86_64", "haswell/x86_64", "tls/none"])
def test_older_directories_for_better_processors(room: Room, below: str) -> None:
    extension(room, *rpath("/c"))
    room.copy("/stub/libbeta.so.1", f"/c/{below}/libbeta.so.1")
    room.copy("/good/libbeta.so.1", "/c/libbeta.so.1")
    agreed(room, "/m.so")


def test_hwcaps_in_the_cache(room: Room) -> None:
    extension(room)
    room.copy("/stub/libbeta.so.1", "/c/glibc-hwcaps/x86-64-v2/libbeta.so.1")
    room.copy("/good/libbeta.so.1", "/c/libbeta.so.1")
    room.ldconfig("/c")
    assert agreed(room, "/m.so") == ["/m.so: undefined symbol: beta"]


def test_a_symbol_without_needed_library_comes_from_the_global_scope_alone(room: Room) -> None:
    room.library("/m.so", USES)
    room.library("/brings.so", "int b;", *rpath("/good"), needs=["/good/libbeta.so.1"])
    missed = "/m.so: undefined symbol: beta"
    assert agreed(room, "/m.so") == [missed]
    assert agreed(room, "/good/libbeta.so.1", "/m.so") == ["OK", missed]
    assert agreed(room, "/brings.so", "/m.so") == ["OK", missed]
    assert agreed(room, "global:/good/libbeta.so.1", "/m.so") == ["OK", "OK"]
    assert agreed(room, "/m.so", environment={"LD_PRELOAD": "/good/libbeta.so.1"}) == ["OK"]


def test_a_library_that_was_opened_by_its_path_answers_to_its_soname(room: Room) -> None:
    extension(room)
    assert agreed(room, "/m.so", "/good/libbeta.so.1", "/m.so") == [NOT_THERE, "OK", "OK"]


def test_what_was_loaded_first_wins(room: Room) -> None:
    extension(room, *rpath("/good"))
    assert agreed(room, "/stub/libbeta.so.1", "/m.so") == ["OK", "/m.so: undefined symbol: beta"]


def test_functions_that_are_never_called_count_unless_bound_late(room: Room) -> None:
    room.library("/m.so", USES)
    assert agreed(room, "/m.so") == ["/m.so: undefined symbol: beta"]
    opened, doubt = room.model("lazy:/m.so")
    assert [opened] == room.really("lazy:/m.so") == ["OK"]
    assert "which ends the program where it is called" in doubt
    room.library("/now.so", USES, "-Wl,-z,now")
    assert agreed(room, "lazy:/now.so") == ["/now.so: undefined symbol: beta"]
    room.library("/data.so", "extern int beta; int *m = &beta;")
    assert agreed(room, "lazy:/data.so") == ["/data.so: undefined symbol: beta"]


VERSIONS = {
    "one": "V_1 { vold; };",
    "both": "V_1 { vold; }; V_2 { vnew; };",
    "empty": "V_1 { vold; }; V_2 { nothing; };",
    "moved": "V_1 { vold; vnew; }; V_2 { nothing; };",
    "third": "V_1 { vold; }; V_2 { nothing; }; V_3 { vnew; };",
    "base": "V_1 { vold; }; V_2 { nothing; };",
}


def versioned(
    room: Room, path: str, script: str, source: str = "int vold(void){return 1;} int vnew(void){return 1;}"
) -> str:
    """A library with versions."""
    room.put(f"{path}.map", script.encode())
    return room.library(path, source, f"-Wl,--version-script={room.host(path)}.map", soname="libv.so.1")


@pytest.fixture
def versions(room: Room) -> Room:
    """`/m.so` needs V_1 and V_2 of libv.so.1, of which `/good` has both."""
    versioned(room, "/good/libv.so.1", VERSIONS["both"])
    source = "int vold(void); int vnew(void); int m(void) { return vold() + vnew(); }"
    room.library("/m.so", source, *rpath("/v"), needs=["/good/libv.so.1"])
    return room


def test_versions_that_are_there(versions: Room) -> None:
    versions.copy("/good/libv.so.1", "/v/libv.so.1")
    assert agreed(versions, "/m.so") == ["OK"]


def test_a_version_that_is_missing(versions: Room) -> None:
    versioned(versions, "/v/libv.so.1", VERSIONS["one"])
    assert agreed(versions, "/m.so") == ["/v/libv.so.1: version `V_2' not found (required by /m.so)"]


def test_a_version_without_the_symbol(versions: Room) -> None:
    source = "int vold(void){return 1;} int nothing(void){return 1;}"
    versioned(versions, "/v/libv.so.1", VERSIONS["empty"], source)
    assert agreed(versions, "/m.so") == ["/m.so: undefined symbol: vnew, version V_2"]


@pytest.mark.parametrize("script", ["moved", "third", "base"])
def test_a_symbol_in_another_version(versions: Room, script: str) -> None:
    source = "int vold(void){return 1;} int vnew(void){return 1;} int nothing(void){return 1;}"
    versioned(versions, "/v/libv.so.1", VERSIONS[script], source)
    says = "OK" if script == "base" else "/m.so: undefined symbol: vnew, version V_2"
    assert agreed(versions, "/m.so") == [says]


def test_a_symbol_in_two_versions(versions: Room) -> None:
    source = """int vold(void){return 1;} int nothing(void){return 1;}
        __asm__(".symver v_one,vnew@V_1"); int v_one(void){return 1;}
        __asm__(".symver v_two,vnew@@V_2"); int v_two(void){return 2;}"""
    versioned(versions, "/v/libv.so.1", VERSIONS["empty"], source)
    assert agreed(versions, "/m.so") == ["OK"]


@pytest.mark.parametrize("flags", [(), ("-nostdlib",)])
def test_a_library_without_versions(versions: Room, flags: tuple[str, ...]) -> None:
    source = "int vold(void){return 1;} int vnew(void){return 1;}"
    versions.library("/v/libv.so.1", source, *flags, soname="libv.so.1")
    said = agreed(versions, "/m.so")
    assert said == ["OK"] or said[-1] == "status 127"


def test_a_reference_without_version_to_a_library_with_versions(room: Room) -> None:
    room.library("/plain/libv.so.1", "int vold(void){return 1;} int vnew(void){return 1;}", soname="libv.so.1")
    source = "int vold(void); int vnew(void); int m(void) { return vold() + vnew(); }"
    room.library("/m.so", source, *rpath("/v"), needs=["/plain/libv.so.1"])
    versioned(room, "/v/libv.so.1", VERSIONS["both"])
    assert agreed(room, "/m.so") == ["OK"]


def test_a_weak_version(room: Room) -> None:
    room.library("/weak.so", 'int m(void) { return 1; } __asm__(".weak vnew"); int vnew(void); int *n = (int*)vnew;')
    agreed(room, "/weak.so")


@pytest.mark.parametrize(
    ("source", "works"),
    [
        ('__attribute__((visibility("hidden"))) int beta(void) { return 1; }', False),
        ("__attribute__((weak)) int beta(void) { return 1; }", True),
        ('static int f(void){return 1;} int beta(void) __attribute__((ifunc("r"))); void *r(void) {return f;}', True),
        ("int beta = 1;", True),
    ],
)
def test_which_definitions_count(room: Room, source: str, works: bool) -> None:  # noqa: FBT001
    room.library("/d/libbeta.so.1", source, soname="libbeta.so.1")
    extension(room, *rpath("/d"))
    assert agreed(room, "/m.so") == (["OK"] if works else ["/m.so: undefined symbol: beta"])


def test_a_weak_reference_may_stay_open(room: Room) -> None:
    room.library("/m.so", "__attribute__((weak)) int gone(void); int m(void) { return gone ? gone() : 0; }")
    assert agreed(room, "/m.so") == ["OK"]


def test_a_dependency_with_an_undefined_function_is_named(room: Room) -> None:
    room.library("/a/libalpha.so", "int gone(void); int alpha(void) { return gone(); }", soname="libalpha.so")
    room.library("/m.so", "int m;", *rpath("/a"), needs=["/a/libalpha.so"])
    assert agreed(room, "/m.so") == ["/a/libalpha.so: undefined symbol: gone"]


def test_a_program_with_more_rights_than_its_user_ignores_the_environment(room: Room) -> None:
    extension(room)
    room.program("/secure")
    environment = {"LD_LIBRARY_PATH": "/good"}
    assert agreed(room, "/m.so", program="/secure", environment=environment, user=USER) == ["OK"]
    room.host("/secure").chmod(0o4755)
    assert agreed(room, "/m.so", program="/secure", environment=environment, user=USER) == [NOT_THERE]
    assert agreed(room, "/m.so", program="/secure", environment=environment) == ["OK"]


def test_files_that_no_library_can_be(room: Room) -> None:
    extension(room, *rpath("/good"))
    content = room.host("/m.so").read_bytes()
    room.put("/empty.so", b"")
    room.put("/short.so", content[:60])
    room.put("/text.so", b"INPUT(libbeta.so.1)" * 10)
    header = struct.unpack_from("<16s2HI3QI6H", content)
    room.put("/big.so", content[:5] + b"\2" + struct.pack(">16s2HI3QI6H", *header)[6:] + content[64:])
    room.put("/i386.so", content[:4] + b"\1" + content[5:18] + b"\3" + content[19:])
    room.put("/abi.so", content[:7] + b"\x09" + content[8:])
    room.put("/class.so", content[:4] + b"\1" + content[5:])
    room.put("/machine.so", content[:18] + b"\xb7" + content[19:])
    room.put("/kind.so", content[:16] + b"\1" + content[17:])
    room.host("/directory.so").mkdir()
    names = ("empty", "short", "text", "big", "i386", "abi", "class", "machine", "kind", "directory", "gone")
    for name in names:
        assert agreed(room, f"/{name}.so") != ["OK"]


def test_a_bad_file_ends_the_search_and_one_of_another_machine_does_not(room: Room) -> None:
    extension(room, *rpath("/bad", "/good"))
    content = room.host("/good/libbeta.so.1").read_bytes()
    room.put("/bad/libbeta.so.1", content[:18] + b"\xb7" + content[19:])
    assert agreed(room, "/m.so") == ["OK"]
    room.put("/bad/libbeta.so.1", content[:4] + b"\1" + content[5:])
    assert agreed(room, "/m.so") == ["OK"]
    room.put("/bad/libbeta.so.1", b"")
    assert agreed(room, "/m.so") == ["/bad/libbeta.so.1: file too short"]
    room.host("/bad/libbeta.so.1").unlink()
    room.host("/bad/libbeta.so.1").mkdir()
    assert agreed(room, "/m.so") == ["/bad/libbeta.so.1: cannot read file data: Is a directory"]


def test_links_that_lead_nowhere_are_passed_over_and_a_loop_ends_the_list(room: Room) -> None:
    extension(room, *rpath("/bad", "/good"))
    room.link("/bad/libbeta.so.1", "nothing")
    assert agreed(room, "/m.so") == ["OK"]
    room.host("/bad/libbeta.so.1").unlink()
    room.link("/bad/libbeta.so.1", "libbeta.so.1")
    agreed(room, "/m.so")
    room.host("/bad/libbeta.so.1").unlink()
    room.link("/bad/libbeta.so.1", "/m.so/below")
    agreed(room, "/m.so")


def test_rights_of_the_user(room: Room) -> None:
    extension(room, *rpath("/good"))
    for mode in (0o000, 0o600, 0o004, 0o040):
        room.host("/m.so").chmod(mode)
        agreed(room, "/m.so", user=USER)
    room.host("/m.so").chmod(0o755)
    room.host("/good").chmod(0o644)
    assert agreed(room, "/m.so", user=USER) == [NOT_THERE]
    assert agreed(room, "/m.so") == ["OK"]


def test_a_cut_file(room: Room) -> None:
    source = USES + "char filler[100000] = {1};"
    room.library("/m.so", source, *rpath("/good"), needs=["/good/libbeta.so.1"])
    content = room.host("/m.so").read_bytes()
    room.put("/cut.so", content[:50000])
    assert agreed(room, "/cut.so") == ["status 135"]
    room.put("/sections.so", content[:-1000])
    assert agreed(room, "/sections.so") == ["OK"]


def test_a_version_of_a_library_that_is_needed_no_more(versions: Room) -> None:
    versions.patch("/m.so", "--remove-needed", "libv.so.1")
    assert agreed(versions, "/m.so")[-1] == "status 127"


def test_executables_are_no_libraries(room: Room) -> None:
    room.program("/pie", "-pie")
    room.program("/fixed", "-no-pie")
    room.program("/static", "-static")
    room.library("/closed.so", "int x;", "-Wl,-z,nodlopen")
    room.library("/stack.so", "int x;", "-Wl,-z,execstack")
    for path in ("/pie", "/fixed", "/static", "/closed.so", "/stack.so"):
        agreed(room, path)


def test_a_program_whose_library_is_missing_does_not_start(room: Room) -> None:
    room.program("/linked", str(room.host("/good/libbeta.so.1")), "-Wl,--no-as-needed", "-Wl,--disable-new-dtags")
    said = agreed(room, program="/linked")
    room.patch("/linked", "--add-needed", "libbeta.so.1")
    said = agreed(room, program="/linked")
    assert said == [f"/linked: error while loading shared libraries: {NOT_THERE}", "status 127"]
    assert agreed(room, program="/linked", environment={"LD_LIBRARY_PATH": "/good"}) == []


def test_a_program_whose_versions_are_missing_does_not_start(versions: Room) -> None:
    source = "int vold(void); int vnew(void); int main(void) { return vold() + vnew(); }"
    linked = (str(versions.host("/good/libv.so.1")), *rpath("/v"))
    versions.program("/linked", *linked, source=source)
    versioned(versions, "/v/libv.so.1", "V_9 { vold; vnew; };")
    assert agreed(versions, program="/linked")[-1] == "status 1"


def test_a_program_whose_data_is_undefined_does_not_start(room: Room) -> None:
    room.library("/good/libdata.so", "int datum = 1;", soname="libdata.so")
    room.library("/v/libdata.so", "int none = 1;", soname="libdata.so")
    source = "extern int datum; int main(void) { return datum - 1; }"
    room.program("/linked", "-fPIC", str(room.host("/good/libdata.so")), *rpath("/v"), source=source)
    assert agreed(room, program="/linked")[-1] == "status 127"


def test_preloads(room: Room) -> None:
    room.library("/m.so", USES)
    room.library("/broken.so", "int b;", needs=["/good/libbeta.so.1"])
    room.put("/etc/ld.so.preload", b"/good/libbeta.so.1\n")
    assert agreed(room, "/m.so") == ["OK"]
    room.put("/etc/ld.so.preload", b"# /stub/libbeta.so.1\n/good/libbeta.so.1 # more\n")
    assert agreed(room, "/m.so") == ["OK"]
    room.put("/etc/ld.so.preload", b"")
    assert agreed(room, "/m.so", environment={"LD_PRELOAD": "$ORIGIN/good/libbeta.so.1"}) == ["OK"]
    assert agreed(room, "/m.so", environment={"LD_PRELOAD": "/none.so /stub/libbeta.so.1:/good/libbeta.so.1"})
    said = agreed(room, "/m.so", environment={"LD_PRELOAD": "/broken.so"})
    assert said == [f"/opener: error while loading shared libraries: {NOT_THERE}", "status 127"]


@pytest.mark.parametrize("tag", ["filter", "auxiliary"])
def test_a_filter_is_served_by_the_library_that_it_names_and_only_the_auxiliary_one_does_without(
    room: Room, tag: str
) -> None:
    room.library("/f/libfilter.so", STUB, f"-Wl,--{tag}=/good/libbeta.so.1", soname="libfilter.so")
    room.library("/m.so", USES, *rpath("/f"), needs=["/f/libfilter.so"])
    assert agreed(room, "/m.so") == ["OK"]
    room.library("/f/libfilter.so", BETA, f"-Wl,--{tag}=libnone.so", soname="libfilter.so")
    missing = "libnone.so: cannot open shared object file: No such file or directory"
    assert agreed(room, "/m.so") == ["OK" if tag == "auxiliary" else missing]


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (6, 2, "ELF file version ident does not match current one"),
        (8, 1, "ELF file ABI version invalid"),
        (9, 1, "nonzero padding in e_ident"),
        (15, 1, "nonzero padding in e_ident"),
        (20, 2, "ELF file version does not match current one"),
    ],
)
def test_versions_and_padding_of_a_header_matter_to_the_loader_alone(
    room: Room, offset: int, value: int, says: str
) -> None:
    extension(room, *rpath("/good"))
    poke(room, "/good/libbeta.so.1", offset, bytes([value]))
    assert agreed(room, "/m.so") == [f"/good/libbeta.so.1: {says}"]
    room.library("/good/libbeta.so.1", BETA, soname="libbeta.so.1")
    room.host(room.program("/other")).chmod(0o755)
    poke(room, "/other", offset, bytes([value]))
    assert agreed(room, "/m.so", program="/other") == ["OK"]


def poke(room: Room, path: str, offset: int, content: bytes) -> None:
    """Overwrite bytes of a file."""
    before = room.host(path).read_bytes()
    room.put(path, before[:offset] + content + before[offset + len(content) :], 0o755)


def segments(room: Room, path: str, kind: int) -> list[int]:
    """Where the program headers of a kind lie in a file."""
    content = room.host(path).read_bytes()
    (start,), (count,) = struct.unpack_from("<Q", content, 32), struct.unpack_from("<H", content, 56)
    places = range(start, start + 56 * count, 56)
    return [at for at in places if struct.unpack_from("<I", content, at) == (kind,)]


def test_a_segment_lies_in_its_page_as_it_does_in_the_file(room: Room) -> None:
    at = segments(room, extension(room, *rpath("/good")), 1)[1]
    poke(room, "/m.so", at + 8, struct.pack("<Q", 0x1008))
    assert agreed(room, "/m.so") == ["/m.so: ELF load command address/offset not page-aligned"]
    room.program("/other")
    poke(room, "/other", segments(room, "/other", 1)[1] + 8, struct.pack("<Q", 0x1008))
    assert agreed(room, program="/other") == ["status 139"]


def test_a_program_without_a_dynamic_section_is_none_for_the_loader(room: Room) -> None:
    room.program("/other")
    poke(room, "/other", segments(room, "/other", 2)[0], struct.pack("<I", 0x6FFFFFF0))
    assert agreed(room, program="/other") == ["status 139"]


@pytest.mark.parametrize(("bits", "works"), [(1, True), (0x80, False)])
def test_a_library_for_a_processor_that_there_is_not(room: Room, bits: int, works: bool) -> None:  # noqa: FBT001
    room.library("/m.so", "int m;", "-Wl,-z,x86-64-v2")
    needed = struct.pack("<2I", 0xC0008002, 4)
    poke(room, "/m.so", room.host("/m.so").read_bytes().index(needed) + len(needed), bytes([bits]))
    assert agreed(room, "/m.so") == ["OK" if works else "/m.so: CPU ISA level is lower than required"]


def test_a_program_with_capabilities_ignores_the_environment_of_all_but_root(room: Room) -> None:
    extension(room)
    room.program("/capable")
    os.setxattr(room.host("/capable"), "security.capability", BIND_SERVICE)
    environment = {"LD_LIBRARY_PATH": "/good"}
    assert agreed(room, "/m.so", program="/capable", environment=environment) == ["OK"]
    assert agreed(room, "/m.so", program="/capable", environment=environment, user=USER) == [NOT_THERE]


@pytest.mark.parametrize("flags", [rpath, runpath])
def test_a_program_with_more_rights_finds_nothing_by_its_own_place(room: Room, flags: object) -> None:
    assert callable(flags)
    source = "int beta(void); int main(void) { return beta() - 1; }"
    room.program("/linked", str(room.host("/good/libbeta.so.1")), *flags("$ORIGIN/good"), source=source)
    assert agreed(room, program="/linked", user=USER) == []
    os.setxattr(room.host("/linked"), "security.capability", BIND_SERVICE)
    shown = f"/linked: error while loading shared libraries: {NOT_THERE}"
    assert agreed(room, program="/linked", user=USER) == [shown, "status 127"]


def test_no_token_stands_in_what_a_program_with_more_rights_loads(room: Room) -> None:
    room.library("/m.so", USES)
    room.patch("/m.so", "--add-needed", "$ORIGIN/good/libbeta.so.1")
    os.setxattr(room.host(room.program("/capable")), "security.capability", BIND_SERVICE)
    assert agreed(room, "/m.so", program="/capable") == ["OK"]
    says = "$ORIGIN/good/libbeta.so.1: DST not allowed in SUID/SGID programs"
    assert agreed(room, "/m.so", program="/capable", user=USER) == [says]


BIND_SERVICE = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
"""`cap_net_bind_service+ep`, as the attribute holds it."""


def test_the_loader_lists_libraries_instead_of_starting_the_program(room: Room) -> None:
    environment = {"LD_TRACE_LOADED_OBJECTS": ""}
    assert "libc.so.6 =>" in "".join(room.really("/m.so", environment=environment))
    assert room.model("/m.so", environment=environment)[0].startswith("LD_TRACE_LOADED_OBJECTS is set")


def test_an_audit_library_that_is_not_there_is_ignored(room: Room) -> None:
    assert agreed(room, extension(room, *rpath("/good")), environment={"LD_AUDIT": "/none.so:libnone.so"}) == ["OK"]
    assert "doubt: LD_AUDIT is set" in room.model("/m.so", environment={"LD_AUDIT": "/none.so:/good/libbeta.so.1"})


def test_thread_storage_of_a_library_that_is_opened(room: Room) -> None:
    source = '__thread char big[1000] __attribute__((tls_model("initial-exec"))); char *m(void) { return big; }'
    assert agreed(room, room.library("/m.so", source)) == ["OK"]


@pytest.mark.parametrize("other", ["v2", "v3", "v4"])
def test_a_name_that_differs_in_the_last_bit_of_its_hash_is_another(room: Room, other: str) -> None:
    room.library("/d/libbeta.so.1", f"int {other};", soname="libbeta.so.1")
    room.library("/m.so", "extern int v3; int *m = &v3;", *rpath("/d"), needs=["/d/libbeta.so.1"])
    assert agreed(room, "/m.so") == (["OK"] if other == "v3" else ["/m.so: undefined symbol: v3"])
