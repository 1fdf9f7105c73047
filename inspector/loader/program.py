"""The start of a program: what the kernel opens (execve(2)), and which loader takes over."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from inspector.elf import LoaderFacts, NotElf, Skeleton
from inspector.loader.candidate import ET_DYN, ET_EXEC, Machine, check_whole, skeleton_of
from inspector.loader.dialect import Dialect
from inspector.loader.errors import LoadStops, bad_file, crashed, unknown, words_of
from inspector.loader.facts import is_musl
from inspector.loader.files import Files, SystemRefuses
from inspector.loader.glibc import Glibc
from inspector.loader.model import Loaded, LoadFailure, Rights, identity_of
from inspector.loader.search import Search
from inspector.loader.state import State
from inspector.loader.tables import Tables
from inspector.rootfs import Kind, Node, NotKept, Rootfs

_SETUID, _SETGID, _GROUP_EXECUTES = 0o4000, 0o2000, 0o010
_GRANTED = 0xA80425FB
"""The capabilities that Docker gives a container unless it is asked for others; Podman gives some of these."""
_CAPABILITY_WORDS = {0x01000000: 1, 0x02000000: 2, 0x03000000: 2}


class Program:
    """The program of a process, and the loader that serves it; `dialect` is None for a static one."""

    def __init__(
        self, fs: Rootfs, files: Files, state: State, tables: Tables, environment: Mapping[str, str], level: int
    ) -> None:
        self._fs = fs
        self._files = files
        self._state = state
        self._tables = tables
        self._environment = environment
        self._level = level
        self._search: Search | None = None
        self.dialect: Dialect | None = None
        self.libc = ""

    @property
    def levels(self) -> frozenset[int]:
        """The x86-64 levels at which the search finds other files."""
        return frozenset(self._search.levels) if self._search is not None else frozenset()

    def begin(self, path: str, rights: Rights) -> Loaded:
        """Map the program and its loader. Raises `LoadStops`."""
        file, node, skeleton = self._executable(path, path)
        program = Loaded("", file, skeleton, identity_of(file, node))
        program.shown = path
        program.origin = file.rpartition("/")[0] or "/"
        self._state.add(program)
        if _capabilities(node) & ~_GRANTED and _is_effective(node):
            raise _not_started(path, errno.EPERM, path)
        if skeleton.interpreter is not None:
            if not (skeleton.dynamic and skeleton.aligned):
                raise crashed(path, "Segmentation fault: its segments are no program's", 139)
            self._take_over(program, node, self._loader(path, skeleton), rights)
        return program

    def _take_over(self, program: Loaded, node: Node, loader: Loaded, rights: Rights) -> None:
        try:
            facts = self._fs.loader(loader.file)
        except NotKept as error:
            raise unknown(loader.path, f"which loader it is is not known: {error}") from None
        self._state.add(loader)
        secure = is_privileged(node, rights)
        if is_musl(facts, loader.file):
            from inspector.loader.musl import Musl  # most images have glibc

            self.libc = "musl"
            self.dialect = Musl(self._fs, self._files, self._state, self._tables, self._environment, secure=secure)
        elif facts.glibc and facts.folders:
            self.libc = "glibc"
            self.dialect = self._glibc(program, facts, secure=secure)
        else:
            raise unknown(loader.path, "it is neither glibc's loader nor musl's")

    def _glibc(self, program: Loaded, facts: LoaderFacts, *, secure: bool) -> Glibc:
        skeleton = program.skeleton
        multiarch = any("-linux-gnu" in folder for folder in facts.folders)
        machine = Machine(skeleton.bits, skeleton.order, skeleton.machine, multiarch)
        self._search = Search(self._fs, self._files, machine, facts, self._level)
        self._search.begin(program, self._environment, secure=secure)
        return Glibc(self._fs, self._files, self._state, self._search, self._tables, self._environment)

    def _loader(self, program: str, skeleton: Skeleton) -> Loaded:
        path = skeleton.interpreter or ""
        file, node, found = self._executable(path, program)
        if (found.machine, found.bits) != (skeleton.machine, skeleton.bits):
            raise _not_started(program, errno.ENOEXEC, path)
        loader = Loaded(path, file, found, identity_of(file, node))
        loader.names |= {name for name in (path, found.soname) if name}
        loader.relocated = True  # by itself, before anything else
        return loader

    def _executable(self, path: str, program: str) -> tuple[str, Node, Skeleton]:
        try:
            file, node = self._files.execute(path)
        except SystemRefuses as refused:
            raise _not_started(program, refused.number, path) from None
        if node.kind is not Kind.FILE:
            raise _not_started(program, errno.EACCES, path)
        skeleton = skeleton_of(self._fs, path, file)
        if isinstance(skeleton, NotElf):
            raise bad_file(path, skeleton.reason)
        if skeleton.kind not in (ET_EXEC, ET_DYN):
            raise _not_started(program, errno.ENOEXEC, path)
        check_whole(path, skeleton)
        return file, node, skeleton


def is_privileged(node: Node, rights: Rights) -> bool:
    """Tell whether a program runs with more rights than its user has, so that its loader takes little from outside."""
    other_user = node.mode & _SETUID and node.uid != rights.uid
    other_group = node.mode & _SETGID and node.mode & _GROUP_EXECUTES and node.gid not in rights.gids
    gains = rights.uid and (_capabilities(node) & _GRANTED or _is_effective(node))
    return bool(other_user or other_group or gains)


def _capabilities(node: Node) -> int:
    """Return the capabilities that a file gives whoever executes it, as bits (capabilities(7), "File capabilities")."""
    count = _CAPABILITY_WORDS.get(int.from_bytes(node.capability[:4], "little") & ~1, 0)
    words = [node.capability[at : at + 4] for at in range(4, 4 + 8 * count, 8)]
    return int.from_bytes(b"".join(words), "little")


def _is_effective(node: Node) -> bool:
    """Tell whether the kernel executes a file only with all that it gives."""
    return bool(node.capability[:1] and node.capability[0] & 1)


def _not_started(program: str, number: int, path: str) -> LoadStops:
    words = "Exec format error" if number == errno.ENOEXEC else words_of(number)
    return LoadStops(
        LoadFailure(
            kind="program",
            object=path,
            text=f"exec {program}: {words[:1].lower()}{words[1:]}",
            needed_by=program if path != program else "",
            library=path.rpartition("/")[2] if path != program else "",
            status=126 if number in (errno.EACCES, errno.ENOEXEC, errno.EPERM) else 127,
        )
    )
