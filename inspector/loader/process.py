"""A process as its loader sees it: the start of a program, then dlopen after dlopen, each in the state that is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from inspector import work
from inspector.elf import Symbols
from inspector.errors import InspectorError, LimitExceeded
from inspector.loader.binding import Scope
from inspector.loader.dialect import Dialect
from inspector.loader.errors import LoadStops, unknown
from inspector.loader.files import Files
from inspector.loader.hwcaps import LEVELS
from inspector.loader.model import Loaded, LoadFailure, Outcome, Rights
from inspector.loader.program import Program
from inspector.loader.state import MAX_NEEDED, Snapshot, State, dependencies_first
from inspector.loader.tables import Tables
from inspector.rootfs import Rootfs

_STATIC_TLS = 0x10
LATE = "which ends the program where it is called"


class Process:
    """One process of an image. `level` is the x86-64 level that its processor is assumed to have at least.

    `levels` are those at which the search would have found other files; `doubts` what happened that the model can't
    follow; `warnings` what ld.so prints without stopping.
    """

    def __init__(
        self,
        fs: Rootfs,
        environment: Mapping[str, str],
        *,
        rights: Rights = Rights(),  # noqa: B008 - frozen
        cwd: str = "/",
        level: int = LEVELS[0],
        tables: Tables | None = None,
    ) -> None:
        self._fs = fs
        self._environment = environment
        self._rights = rights
        self._files = Files(fs, rights, cwd)
        self._level = level
        self._tables = tables or Tables(fs)
        self._state = State()
        self._dialect: Dialect | None = None
        self._program: Program | None = None
        self._scoped: tuple[Loaded, Scope] | None = None
        self.doubts: list[str] = []
        self.warnings: list[str] = []

    @property
    def loaded(self) -> list[Loaded]:
        """What is mapped, in the order of its mapping."""
        return list(self._state.loaded)

    @property
    def levels(self) -> frozenset[int]:
        """The x86-64 levels that matter to what was found so far."""
        return self._program.levels if self._program is not None else frozenset()

    @property
    def libc(self) -> str:
        """The C library that the program runs with: glibc or musl; empty before its start."""
        return self._program.libc if self._program is not None else ""

    def start(self, program: str) -> Outcome:
        """Start the program at a path, as the kernel and its loader do; the outcome is the program itself.

        A processor that it isn't built for is left out: where it starts on better ones alone, it is started on those.
        """
        outcome = self._started(program)
        while isinstance(outcome, LoadFailure) and outcome.kind == "processor" and self._level < LEVELS[-1]:
            self._level += 1
            self._state = State()
            self.doubts.clear()
            self.warnings.clear()
            outcome = self._started(program)
        return outcome

    def _started(self, program: str) -> Outcome:
        try:
            return self._start(program)
        except LoadStops as stop:
            return stop.failure
        except InspectorError as error:
            return unknown(program, str(error)).failure

    def dlopen(self, name: str, *, now: bool = True, shared: bool = False, caller: Loaded | None = None) -> Outcome:
        """Open a library by path or name, as `caller` (the program) does; a failure leaves the state as it was.

        `now` is RTLD_NOW, else RTLD_LAZY; `shared` is RTLD_GLOBAL.
        """
        before = Snapshot(self._state)
        self._files.renew()
        self._scoped = None
        try:
            return self._open(name, now=now, shared=shared, caller=caller)
        except LoadStops as stop:
            before.restore()
            return stop.failure
        except InspectorError as error:
            before.restore()
            return unknown(name, str(error)).failure

    def mapping_ends(self, path: str) -> LoadFailure | None:
        """Map a library and all that it needs, and forget them; return what ends the process on the way.

        That alone is asked of what may fail: it takes no symbols.
        """
        before = Snapshot(self._state)
        self._files.renew()
        try:
            if self._dialect is not None:
                top = self._dialect.load(path, self._state.loaded[0], opened=True)
                self._closure(self._dialect, top, [])
        except LoadStops as stop:
            return stop.failure if stop.failure.certainty == "dies" else None
        except InspectorError:
            return None  # the import that needs it reports why
        finally:
            before.restore()
        return None

    def symbols(self, of: Loaded) -> Symbols:
        """Return the symbols of a mapped object. Raises `NotKept`."""
        return self._fs.symbols(of.file)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Undo, when left, all that is opened within."""
        before = Snapshot(self._state)
        doubts = len(self.doubts)
        try:
            yield
        finally:
            before.restore()
            del self.doubts[doubts:]

    def _start(self, path: str) -> Loaded:
        self._files.renew()
        found = Program(self._fs, self._files, self._state, self._tables, self._environment, self._level)
        started = found.begin(path, self._rights)
        self._program, self._dialect = found, found.dialect
        if found.dialect is None:
            return started
        self.doubts += found.dialect.doubts()
        try:
            self._load_all(found.dialect, started, self._preload(found.dialect, started))
        except LoadStops as stop:
            raise LoadStops(found.dialect.at_start(stop.failure)) from None
        return started

    def _load_all(self, dialect: Dialect, started: Loaded, preloaded: list[Loaded]) -> None:
        closure = self._closure(dialect, started, preloaded)
        self._state.share([*closure, *self._state.loaded])
        started.closure = self._state.shared
        failures = dialect.check(closure)
        if failures:
            text = "\n".join(failure.text for failure in failures)
            raise LoadStops(msgspec.structs.replace(failures[0], text=text))
        for each in dependencies_first(closure):
            self._relocate(dialect, each, now=dialect.starts_bound or dialect.binds_now(each))
            self._doubt_late_binding(dialect, each)

    def _preload(self, dialect: Dialect, started: Loaded) -> list[Loaded]:
        found = []
        for name in dialect.preloaded():
            try:
                found.append(dialect.preload(name, started))
            except LoadStops as stop:
                if stop.failure.certainty != "fails":
                    raise
                why = stop.failure.text.removeprefix(f"{name}: ")
                self.warnings.append(f"object '{name}' from LD_PRELOAD cannot be preloaded ({why}): ignored.")
        return list(dict.fromkeys(found))

    def _open(self, name: str, *, now: bool, shared: bool, caller: Loaded | None) -> Loaded:
        dialect = self._dialect
        if dialect is None or not self._state.loaded:
            raise unknown(name, "the program is static, or did not start")
        found = dialect.load(name, caller or self._state.loaded[0], opened=True)
        if found.closure is None:
            closure = found.closure = self._closure(dialect, found, [])
            failures = dialect.check(closure)
            if failures:
                raise LoadStops(failures[0])
            self._reserve_tls(dialect, closure)
            for each in dependencies_first(closure):
                self._relocate(dialect, each, now=now or dialect.binds_now(each))
            for each in closure if not now else ():
                self._doubt_late_binding(dialect, each)
        if shared:
            self._state.share(found.closure)
        return found

    def _closure(self, dialect: Dialect, root: Loaded, preloaded: list[Loaded]) -> list[Loaded]:
        """Map all that an object needs, breadth first; the list of it all."""
        found = [root, *(each for each in preloaded if each is not root)]
        seen = set(found)
        for each in found:
            work.check()
            names = dialect.needed(each)
            if len(names) > MAX_NEEDED:
                raise LimitExceeded(f"{each.shown} needs more than {MAX_NEEDED} libraries")
            each.needed = [dialect.load(name, each, opened=False) for name in names]
            fresh = [other for other in dict.fromkeys(each.needed) if other not in seen]
            seen.update(fresh)
            found += fresh
        return found

    def _relocate(self, dialect: Dialect, of: Loaded, *, now: bool) -> None:
        if of.relocated:
            return
        failure = dialect.binder.unbound(of, self._scope(of), now=now)
        if failure is not None:
            raise LoadStops(failure)
        of.relocated = True

    def _scope(self, of: Loaded) -> Scope:
        """Return the global list, then that of what dlopen was called for; the objects of one dlopen share it."""
        if self._scoped is None or self._scoped[0] is not of.top:
            self._scoped = of.top, Scope([*self._state.shared, *(of.top.closure or ())])
        return self._scoped[1]

    def _doubt_late_binding(self, dialect: Dialect, of: Loaded) -> None:
        """Note a function that no library defines: the program ends when it is first called, if it ever is."""
        if dialect.starts_bound or dialect.binds_now(of):
            return
        failure = dialect.binder.unbound(of, self._scope(of), now=True)
        if failure is not None:
            self.doubts += [doubt for doubt in [f"{failure.text}, {LATE}"] if doubt not in self.doubts]

    def _reserve_tls(self, dialect: Dialect, closure: list[Loaded]) -> None:
        fresh = [each for each in closure if not each.relocated and each.skeleton.flags & _STATIC_TLS]
        self._state.static_tls += sum(each.skeleton.tls for each in fresh)
        if fresh:
            dialect.reserve_tls(fresh[-1], self._state.static_tls)
