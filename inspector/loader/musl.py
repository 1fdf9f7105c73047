"""musl's ways (`ldso/dynlink.c`): one list of paths for all, names by file, no versions, every symbol at once."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping

import msgspec

from inspector.elf import NotElf
from inspector.errors import NotFound
from inspector.loader.binding import Binder
from inspector.loader.candidate import ET_DYN, ET_EXEC, check_whole, skeleton_of
from inspector.loader.errors import LoadStops, unknown, words_of
from inspector.loader.files import Files, SystemRefuses
from inspector.loader.model import FailureKind, Loaded, LoadFailure, identity_of
from inspector.loader.state import State
from inspector.loader.tables import Tables
from inspector.rootfs import Kind, Node, NotKept, Rootfs

DEFAULT_PATH = "/lib:/usr/local/lib:/usr/lib"
MAX_DIRECTORIES = 4096
MAX_PRELOADED = 256
_OWN = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")
_ARCHITECTURE = re.compile(r"ld-musl-([A-Za-z0-9_-]{1,32})\.so")
_REFUSED = ("file too short", "invalid ELF header", "cannot read file data")
_WORDS = {
    errno.ENOEXEC: "Exec format error",
    errno.ELOOP: "Symbolic link loop",
    errno.ENAMETOOLONG: "Filename too long",
}
_GOES_ON = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENAMETOOLONG)


class Musl:
    """The loader of musl."""

    def __init__(
        self,
        fs: Rootfs,
        files: Files,
        state: State,
        tables: Tables,
        environment: Mapping[str, str],
        *,
        secure: bool,
    ) -> None:
        self._fs = fs
        self._files = files
        self._state = state
        self._environment = {} if secure else environment
        self._secure = secure
        self._system: str | None = None
        self._preloads: set[Loaded] = set()
        self._preloading = False
        self._short: dict[str, Loaded] = {}
        self.binder = Binder(tables, None)
        self.starts_bound = True

    def doubts(self) -> list[str]:
        """Return nothing: LD_LIBRARY_PATH and LD_PRELOAD are all that musl looks at."""
        return []

    def load(self, name: str, loader: Loaded, *, opened: bool) -> Loaded:
        """Return the object that was found under the name before, or map the file that the search finds."""
        asker = self._state.loaded[0] if opened else loader
        needed_by = "" if opened else loader.shown
        if "/" not in name:
            if _OWN.match(name):
                return self._state.loaded[1]
            known = self._short.get(name)
            if known is not None and known in self._state.loaded:  # a failed dlopen takes its objects out again
                return known
        try:
            path, file, node = self._find(name, asker)
            return self._map(name, path, file, node, loader, opened=opened)
        except SystemRefuses as refused:
            raise _failure(name, refused.number, needed_by) from None

    def preload(self, name: str, program: Loaded) -> Loaded:
        """Return the object for a name of LD_PRELOAD, which nothing needs: the program's paths do not serve it."""
        self._preloading = True
        try:
            found = self.load(name, program, opened=False)
        finally:
            self._preloading = False
        self._preloads.add(found)
        found.loader = None
        return found

    def _map(self, name: str, path: str, file: str, node: Node, loader: Loaded, *, opened: bool) -> Loaded:
        identity = identity_of(file, node)
        found = self._state.files.get(identity)
        if found is None:
            found = self._mapped(path, file, node)
            found.loader = None if opened else loader
            self._state.add(found)
        if path != name and found not in self._short.values():
            self._short[name] = found
        return found

    def _mapped(self, path: str, file: str, node: Node) -> Loaded:
        if node.kind is Kind.DIRECTORY:
            raise SystemRefuses(errno.EISDIR)
        if node.kind is not Kind.FILE:
            raise unknown(path, f"it is a {node.kind.value}")
        if node.size == 0:
            raise SystemRefuses(errno.ENOEXEC)
        skeleton = skeleton_of(self._fs, path, file)
        if isinstance(skeleton, NotElf):
            if skeleton.reason in _REFUSED:
                raise SystemRefuses(errno.ENOEXEC)
            raise unknown(path, f"{skeleton.reason}, which musl does not look at")
        program = self._state.loaded[0].skeleton
        if (skeleton.machine, skeleton.bits, skeleton.order) != (program.machine, program.bits, program.order):
            raise unknown(path, "it is built for another machine, which musl does not look at")
        check_whole(path, skeleton)
        if not skeleton.dynamic or skeleton.kind not in (ET_EXEC, ET_DYN):
            raise SystemRefuses(errno.ENOEXEC)
        found = Loaded(path, file, skeleton, identity_of(file, node))
        found.origin = path.rpartition("/")[0] if "/" in path else "."
        return found

    def _find(self, name: str, asker: Loaded) -> tuple[str, str, Node]:
        if "/" in name:
            return name, *self._files.open(name)
        last = errno.ENOENT
        for count, directory in enumerate(self._directories(asker)):
            if count > MAX_DIRECTORIES:
                raise unknown(name, f"it is searched in more than {MAX_DIRECTORIES} directories")
            path = f"{directory}/{name}"
            try:
                return path, *self._files.open(path)
            except SystemRefuses as refused:
                last = refused.number
                if last not in _GOES_ON:
                    raise
        raise SystemRefuses(last)

    def _directories(self, asker: Loaded) -> Iterator[str]:
        """Yield the environment's directories, those of the object and of all that led to it, then the system's."""
        yield from _split(self._environment.get("LD_LIBRARY_PATH", ""))
        program = self._state.loaded[0]
        at: Loaded | None = None if self._preloading else asker
        while at is not None:
            yield from _split(self._own_path(at))
            at = at.loader or (program if at is not program and at not in self._preloads else None)
        yield from _split(self._system_path())

    def _own_path(self, of: Loaded) -> str:
        skeleton = of.skeleton
        text = skeleton.runpath if skeleton.runpath is not None else skeleton.rpath or ""
        if "$" not in text:
            return text
        if self._secure or re.search(r"\$(?!ORIGIN|\{ORIGIN\})", text):
            return ""
        return re.sub(r"\$(?:ORIGIN|\{ORIGIN\})", lambda _: of.origin.rstrip("/"), text)[: 1 << 20]

    def _system_path(self) -> str:
        if self._system is None:
            loader = self._state.loaded[1].path
            match = _ARCHITECTURE.search(loader)
            above = loader.rpartition("/")[0].rpartition("/")[0]
            try:
                path = f"{above}/etc/ld-musl-{match[1] if match else ''}.path"
                content = self._fs.read(self._files.open(path)[0])
                self._system = content.decode("utf-8", "surrogateescape")
            except NotKept as error:
                raise unknown(loader, f"where it looks is not known: {error}") from None
            except NotFound:
                self._system = DEFAULT_PATH
            except SystemRefuses as refused:
                self._system = DEFAULT_PATH if refused.number == errno.ENOENT else ""
        return self._system

    def needed(self, of: Loaded) -> tuple[str, ...]:
        """Return what DT_NEEDED names, as written."""
        return of.skeleton.needed

    def preloaded(self) -> tuple[str, ...]:
        """Return what LD_PRELOAD names."""
        names = re.split(r"[\s:]+", self._environment.get("LD_PRELOAD", ""))
        return tuple([name for name in names if name][:MAX_PRELOADED])

    def check(self, objects: list[Loaded]) -> list[LoadFailure]:
        """Return nothing: musl does not look at versions."""
        del objects
        return []

    def binds_now(self, of: Loaded) -> bool:
        """Tell whether an object asks for it."""
        return of.skeleton.bind_now

    def reserve_tls(self, of: Loaded, size: int) -> None:
        """Raise `LoadStops` where what dlopen loads has static TLS: musl refuses it, but for that of others."""
        if size:
            raise unknown(of.shown, "initial-exec TLS resolves to dynamic definition may follow")

    def at_start(self, failure: LoadFailure) -> LoadFailure:
        """Return the failure as it is, with its status: musl prints it without more, and ends."""
        return msgspec.structs.replace(failure, status=127) if failure.certainty == "fails" else failure


def _split(text: str) -> list[str]:
    return [part for part in re.split("[:\n]", text) if part]


def _failure(name: str, number: int, needed_by: str) -> LoadStops:
    words = _WORDS.get(number) or words_of(number)
    by = f" (needed by {needed_by})" if needed_by else ""
    kinds: dict[int, FailureKind] = {errno.ENOEXEC: "format", errno.EISDIR: "format", errno.EACCES: "denied"}
    return LoadStops(
        LoadFailure(
            kind=kinds.get(number, "missing"),
            object=name,
            text=f"Error loading shared library {name}: {words}{by}",
            needed_by=needed_by,
            library=name.rpartition("/")[2],
        )
    )
