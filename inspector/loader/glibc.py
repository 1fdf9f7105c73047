"""glibc's ways: who answers to a name, what is mapped, versions, and messages at the start of a program."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from inspector.errors import NotFound
from inspector.loader.binding import Binder
from inspector.loader.candidate import check_mappable
from inspector.loader.errors import LoadStops, bad_file, unknown
from inspector.loader.files import Files, SystemRefuses
from inspector.loader.model import Loaded, LoadFailure, identity_of
from inspector.loader.search import Search
from inspector.loader.state import State
from inspector.loader.tables import Tables
from inspector.loader.tokens import has_token
from inspector.loader.versions import missing_versions
from inspector.rootfs import NotKept, Rootfs

_PRELOAD = "/etc/ld.so.preload"
_COMMENT = re.compile("#[^\n]*")
"""What that file may hold, and LD_PRELOAD may not."""
MAX_PRELOADED = 256
_SETUID = 0o4000
_PROCESSOR_CHECKED_FROM = (2, 33)
_NO_KERNEL_FROM = (2, 36)
_TRACE = "LD_TRACE_LOADED_OBJECTS"
_TLS_SHARED_FROM = (2, 33)
_TLS_RESERVES = (512, 1024)
"""Bytes of static TLS that what dlopen loads may surely take, before that release and from it on.

`_dl_tls_static_surplus_init` reserves at least 1,568 from then on, and only 512 of them (`rtld.optional_static_tls`)
may be taken by what could do without.
"""
_TLS_MOST = 16 << 10
"""Bytes that are never there: 1,664 with what aligning the block adds."""


class Glibc:
    """The loader of glibc."""

    def __init__(
        self,
        fs: Rootfs,
        files: Files,
        state: State,
        search: Search,
        tables: Tables,
        environment: Mapping[str, str],
    ) -> None:
        self._fs = fs
        self._files = files
        self._state = state
        self._search = search
        self._environment = environment
        self.binder = Binder(tables, search.glibc)
        self.starts_bound = False

    def doubts(self) -> list[str]:
        """Return the variables that are set and can't be followed.

        Raises `LoadStops` for the one that makes ld.so list libraries, whatever its value, and end.
        """
        environment, old = self._environment, self._search.glibc < _NO_KERNEL_FROM
        if _TRACE in environment and not self._search.secure:
            text = f"{_TRACE} is set: ld.so lists the program's libraries, and does not start it"
            raise LoadStops(LoadFailure(kind="program", object=_TRACE, text=text, status=0))
        audits = [name for name in self._from_environment("LD_AUDIT", ":") if self._audits(name)]
        found = ["LD_AUDIT"] * bool(audits) + ["LD_ASSUME_KERNEL"] * bool(old and environment.get("LD_ASSUME_KERNEL"))
        return [f"{name} is set" for name in found + [_TRACE] * (_TRACE in environment)]

    def _audits(self, name: str) -> bool:
        """Tell whether there is a file for a name of LD_AUDIT; one that can't be loaded is reported and ignored."""
        program = self._search.program
        try:
            self._search.find(self._search.expand(name, program), program)
        except LoadStops as stop:
            return stop.failure.certainty != "fails"
        return True

    def load(self, name: str, loader: Loaded, *, opened: bool) -> Loaded:
        """Return the object that answers to the name, or map the file that the search finds."""
        known = self._state.answering(name)
        if known is not None:
            return known
        candidate, how = self._search.find(name, loader)
        identity = identity_of(candidate.file, candidate.node)
        same = self._state.files.get(identity)
        if same is not None:
            self._state.name(same, name)
            return same
        program = self._search.program
        stack = program is not None and program.skeleton.executable_stack is not False
        asked = opened or loader.top is not program
        try:
            check_mappable(candidate, name, self._search.glibc, opened=asked, stack_executable=stack)
        except LoadStops as stop:
            raise LoadStops(msgspec.structs.replace(stop.failure, needed_by=loader.shown)) from None
        found = Loaded(candidate.path, candidate.file, candidate.skeleton, identity)
        found.names.add(name)
        found.loader = None if opened else loader
        found.origin = self._files.absolute(candidate.path).rpartition("/")[0] or "/"
        found.how = how
        self._state.add(found)
        return found

    def preload(self, name: str, program: Loaded) -> Loaded:
        """Return the object for a name of LD_PRELOAD, which the program is taken to need; its tokens are replaced."""
        return self.load(self._search.expand(name, program), program, opened=False)

    def needed(self, of: Loaded) -> tuple[str, ...]:
        """Return what DT_FILTER and DT_NEEDED name, and what can be loaded of DT_AUXILIARY; tokens replaced."""
        needed = [self._named(name, of) for name in (*of.skeleton.filters, *of.skeleton.needed)]
        auxiliary = [self._named(name, of) for name in of.skeleton.auxiliary]
        return tuple(needed + [name for name in auxiliary if self._loads(name, of)])

    def _named(self, name: str, of: Loaded) -> str:
        if self._search.secure and has_token(name):
            raise bad_file(name, "DST not allowed in SUID/SGID programs", of.shown)
        return self._search.expand(name, of)

    def _loads(self, name: str, loader: Loaded) -> bool:
        try:
            self.load(name, loader, opened=False)
        except LoadStops as stop:
            if stop.failure.certainty != "fails":
                raise
            return False
        return True

    def preloaded(self) -> tuple[str, ...]:
        """Return what LD_PRELOAD and /etc/ld.so.preload name; a program with more rights takes few of the first."""
        names = self._from_environment("LD_PRELOAD", "[ :]")
        try:
            content = self._fs.read(self._files.open(_PRELOAD)[0])
        except (SystemRefuses, NotFound):
            content = b""
        except NotKept as error:
            raise unknown(_PRELOAD, f"it is not known what it holds: {error}") from None
        listed = _COMMENT.sub(" ", content.partition(b"\0")[0].decode("utf-8", "surrogateescape"))
        return tuple([*names, *(name for name in re.split(r"[ \n\t:]+", listed) if name)][:MAX_PRELOADED])

    def _from_environment(self, variable: str, separator: str) -> list[str]:
        """Return the names in a variable that the program takes; one with more rights takes few."""
        names = [name for name in re.split(separator, self._environment.get(variable, "")) if name]
        return [name for name in names if not self._search.secure or ("/" not in name and self._is_trusted(name))]

    def _is_trusted(self, name: str) -> bool:
        try:
            candidate, _ = self._search.find(name, self._search.program)
        except LoadStops:
            return False
        return bool(candidate.node.mode & _SETUID)

    def check(self, objects: list[Loaded]) -> list[LoadFailure]:
        """Return the versions that are missing, and libraries that are built for a better processor."""
        found: list[LoadFailure] = []
        fresh = [each for each in objects if not each.checked]
        for each in fresh:
            found += missing_versions(each, self._state.names, self._search.glibc)
            each.checked = True
        if self._search.glibc >= _PROCESSOR_CHECKED_FROM:
            better = (each for each in fresh if not self._search.reaches(each.skeleton.level))
            found += map(_for_better_processors, better)
        return found

    def binds_now(self, of: Loaded) -> bool:
        """Tell whether the object or LD_BIND_NOW asks for it."""
        return of.skeleton.bind_now or bool(self._environment.get("LD_BIND_NOW"))

    def reserve_tls(self, of: Loaded, size: int) -> None:
        """Raise `LoadStops` where what dlopen loads takes more static TLS than there is, or than there surely is."""
        what = "cannot allocate memory in static TLS block"
        if size > _TLS_MOST and "glibc.rtld." not in self._environment.get("GLIBC_TUNABLES", ""):
            text = f"{of.shown}: {what}"
            raise LoadStops(LoadFailure(kind="tls", object=of.shown, text=text, library=of.shown.rpartition("/")[2]))
        reserved = _TLS_RESERVES[self._search.glibc >= _TLS_SHARED_FROM]
        if size > reserved:
            raise unknown(of.shown, f"{what} may follow: {reserved} bytes are reserved")

    def at_start(self, failure: LoadFailure) -> LoadFailure:
        """Return the failure in the words of ld.so, which ends the program."""
        if failure.certainty != "fails":
            return failure
        if failure.kind == "processor":
            return msgspec.structs.replace(failure, status=127)
        program = self._search.program
        shown = program.shown if program is not None else ""
        before, status = {"symbol": ("symbol lookup error: ", 127), "version": ("", 1)}.get(
            failure.kind, ("error while loading shared libraries: ", 127)
        )
        lines = "\n".join(f"{shown}: {before}{line}" for line in failure.text.split("\n"))
        return msgspec.structs.replace(failure, text=lines, status=status)


def _for_better_processors(of: Loaded) -> LoadFailure:
    text = f"{of.shown}: CPU ISA level is lower than required"
    return LoadFailure(kind="processor", object=of.shown, text=text, library=of.shown.rpartition("/")[2])
