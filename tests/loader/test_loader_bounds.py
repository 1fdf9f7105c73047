"""What the model takes of hostile input: bounded work, and an unknown answer with its reason."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec
import pytest

from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols, VersionNeed
from inspector.errors import NotFound
from inspector.loader import LoadFailure, Process
from inspector.loader.files import MAX_OPENED
from inspector.loader.state import MAX_NEEDED, MAX_OBJECTS
from inspector.rootfs import Kind, Node
from inspector.work import Budget

LOADER = "/ld.so"
PLAIN = Skeleton(
    bits=64, order="<", osabi=0, kind=3, machine=62, size=100, loaded=100, dynamic=True, executable_stack=False
)
PROGRAM = msgspec.structs.replace(PLAIN, interpreter=LOADER)


class MadeUp:
    """An image of skeletons alone: a path of a dict is a file, what lies above it a directory."""

    def __init__(self, files: Mapping[str, Skeleton | NotElf], facts: LoaderFacts) -> None:
        self.files = {"/program": PROGRAM, LOADER: PLAIN, **files}
        self._facts = facts
        self.budget = Budget()
        self._folders = {path[:at] for path in self.files for at, letter in enumerate(path) if letter == "/"} | {"/"}

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        if path in self.files:
            return Node(kind=Kind.FILE, mode=0o755, size=100)
        return Node(kind=Kind.DIRECTORY, mode=0o755, size=0) if path in self._folders else None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        raise NotImplementedError(path)

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        raise NotImplementedError(path)

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        raise NotFound(path)

    head = read

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """See `Rootfs.skeleton`."""
        return self.files[path]

    def symbols(self, path: str, *, whole: bool = False) -> Symbols:
        """See `Rootfs.symbols`."""
        del path, whole
        return Symbols()

    def loader(self, path: str) -> LoaderFacts:
        """See `Rootfs.loader`."""
        del path
        return self._facts

    def listed(self, path: str) -> Listed:
        """See `Rootfs.listed`."""
        del path
        return Listed()

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        del path
        return b""


def process_of(files: Mapping[str, Skeleton | NotElf], **environment: str) -> Process:
    """A process of the program at `/program`, on glibc 2.36 with `/lib` alone by default."""
    process = Process(MadeUp(files, LoaderFacts(("/lib",), "2.36")), environment)
    assert not isinstance(process.start("/program"), LoadFailure)
    return process


def unknown(process: Process, path: str) -> str:
    """The reason why it is not known whether a library loads."""
    found = process.dlopen(path)
    assert isinstance(found, LoadFailure)
    assert found.certainty == "unknown"
    return found.text


def test_libraries_without_end() -> None:
    files = {
        f"/lib/{number}": msgspec.structs.replace(PLAIN, needed=(f"{number + 1}",)) for number in range(MAX_OBJECTS + 2)
    }
    process = process_of(files)
    assert f"more than {MAX_OBJECTS} objects" in unknown(process, "/lib/0")
    assert len(process.loaded) == 2


def test_an_object_that_needs_too_much() -> None:
    files = {"/lib/a": msgspec.structs.replace(PLAIN, needed=("b",) * (MAX_NEEDED + 1)), "/lib/b": PLAIN}
    assert f"more than {MAX_NEEDED} libraries" in unknown(process_of(files), "/lib/a")


def test_a_search_path_without_end() -> None:
    path = ":".join(f"/{number}" for number in range(5000))
    files = {"/lib/a": msgspec.structs.replace(PLAIN, rpath=path, needed=("b",))}
    assert "search path names more than 4096 directories" in unknown(process_of(files), "/lib/a")


def test_a_search_of_too_many_names() -> None:
    path = ":".join(f"/d/{number}" for number in range(4000))
    needed = tuple(f"lib{number}" for number in range(100))
    folders: dict[str, Skeleton | NotElf] = {f"/d/{number}/x": PLAIN for number in range(4000)}
    libraries = {f"/lib/lib{number}": PLAIN for number in range(100)}
    files = {"/lib/a": msgspec.structs.replace(PLAIN, rpath=path, needed=needed), **folders, **libraries}
    assert f"under more than {MAX_OPENED} names" in unknown(process_of(files), "/lib/a")


@pytest.mark.parametrize("token", ["$ORIGIN" * 5000, "/" * 100_000, "a" * 100_000, "/x" * 5000])
def test_long_paths(token: str) -> None:
    files = {"/lib/a": msgspec.structs.replace(PLAIN, rpath=token, needed=(token, "b")), "/lib/b": PLAIN}
    found = process_of(files).dlopen("/lib/a")
    assert isinstance(found, LoadFailure)


def test_a_circle_of_libraries_ends() -> None:
    files = {
        "/lib/a": msgspec.structs.replace(PLAIN, needed=("b", "a")),
        "/lib/b": msgspec.structs.replace(PLAIN, needed=("a", "b")),
    }
    process = process_of(files)
    assert not isinstance(process.dlopen("/lib/a"), LoadFailure)
    assert len(process.loaded) == 4


def test_what_was_read_in_part_is_unknown() -> None:
    process = process_of({"/lib/a": msgspec.structs.replace(PLAIN, partial="parts had gone by")})
    assert unknown(process, "/lib/a") == "/lib/a: parts had gone by"


def test_a_file_that_is_cut_within_its_last_page_is_unknown() -> None:
    process = process_of({"/lib/a": msgspec.structs.replace(PLAIN, size=99)})
    assert "the file is cut" in unknown(process, "/lib/a")


def test_static_thread_storage_past_the_reserve_is_unknown() -> None:
    files = {f"/lib/{number}": msgspec.structs.replace(PLAIN, flags=0x10, tls=500) for number in range(3)}
    process = process_of(files)
    assert not isinstance(process.dlopen("/lib/0"), LoadFailure)
    assert not isinstance(process.dlopen("/lib/1"), LoadFailure)
    assert "static TLS" in unknown(process, "/lib/2")


@pytest.mark.parametrize("facts", [LoaderFacts(), LoaderFacts((), "2.36"), LoaderFacts(("/lib",), "")])
def test_a_loader_of_neither_library_is_unknown(facts: LoaderFacts) -> None:
    found = Process(MadeUp({}, facts), {}).start("/program")
    assert isinstance(found, LoadFailure)
    assert found.certainty == "unknown"


@pytest.mark.parametrize(("version", "works"), [("2.40", True), ("2.41", False)])
@pytest.mark.parametrize("stack", [True, None])
def test_an_executable_stack_is_refused_from_2_41_on(version: str, works: bool, stack: bool | None) -> None:  # noqa: FBT001
    files = {"/lib/a": msgspec.structs.replace(PLAIN, executable_stack=stack)}
    process = Process(MadeUp(files, LoaderFacts(("/lib",), version)), {})
    process.start("/program")
    found = process.dlopen("/lib/a")
    if works:
        assert not isinstance(found, LoadFailure)
    else:
        assert isinstance(found, LoadFailure)
        assert found.text == "/lib/a: cannot enable executable stack as shared object requires: Invalid argument"


def test_relative_relocations_without_their_version() -> None:
    needs = (VersionNeed("libc.so.6", (("GLIBC_2.2.5", False),)),)
    libc = msgspec.structs.replace(PLAIN, defined=("GLIBC_2.2.5",))
    library = msgspec.structs.replace(PLAIN, relr=True, needed=("libc.so.6",), needs=needs)
    found = process_of({"/lib/a": library, "/lib/libc.so.6": libc}).dlopen("/lib/a")
    assert isinstance(found, LoadFailure)
    assert found.text == "/lib/a: DT_RELR without GLIBC_ABI_DT_RELR dependency"


def at_level(level: int, **needed: int) -> Process:
    """A process on a processor of a level; files by name need levels of their own."""
    files = {f"/lib/{name}": msgspec.structs.replace(PLAIN, level=number) for name, number in needed.items()}
    program = msgspec.structs.replace(PROGRAM, needed=tuple(name for name in needed if name.startswith("lib")))
    return Process(MadeUp({**files, "/program": program}, LoaderFacts(("/lib",), "2.36")), {}, level=level)


def test_a_library_for_better_processors_is_refused_on_others() -> None:
    process = at_level(1, opened=3)
    process.start("/program")
    found = process.dlopen("/lib/opened")
    assert isinstance(found, LoadFailure)
    assert found.text == "/lib/opened: CPU ISA level is lower than required"
    assert process.levels == {3}
    better = at_level(3, opened=3)
    better.start("/program")
    assert not isinstance(better.dlopen("/lib/opened"), LoadFailure)


def test_a_program_for_better_processors_is_started_on_those_alone() -> None:
    process = at_level(1, libc=2, opened=2)
    assert not isinstance(process.start("/program"), LoadFailure)
    assert not isinstance(process.dlopen("/lib/opened"), LoadFailure)
    assert not process.levels
    never = at_level(1, libc=5).start("/program")
    assert isinstance(never, LoadFailure)
    assert never.text == "/lib/libc: CPU ISA level is lower than required"


def test_a_program_that_asks_for_more_rights_than_a_container_has_is_not_started() -> None:
    class Capable(MadeUp):
        def lstat(self, path: str) -> Node | None:
            node = super().lstat(path)
            return msgspec.structs.replace(node, capability=self.capability) if node and path == "/program" else node

        capability = b""

    image = Capable({}, LoaderFacts(("/lib",), "2.36"))
    for first, second, says in (
        (1 << 10, 0, ""),
        (1 << 23, 0, "exec /program: operation not permitted"),
        (0, 1, "exec /program: operation not permitted"),
    ):
        image.capability = struct.pack("<5I", 0x02000001, first, 0, second, 0)
        found = Process(image, {}).start("/program")
        assert (found.text if isinstance(found, LoadFailure) else "") == says
