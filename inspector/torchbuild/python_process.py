"""Starts the image's Python in the loader's model, and imports extension modules of it there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from inspector.loader import (
    LATE,
    ImportFailure,
    LoadFailure,
    Process,
    Rights,
    Tables,
    at_each_level,
    built_in_modules,
    import_extension,
)
from inspector.loader.hwcaps import LEVELS
from inspector.python.access import UserView
from inspector.python.built import Built, read_built
from inspector.python.environment import Environment
from inspector.python.model import Interpreter
from inspector.rootfs import NotKept, Rootfs, resolve
from inspector.torchbuild.diagnostics import Diagnostic
from inspector.unknown import Absent, Unknown

_MAIN = re.compile(r"undefined symbol: Py_(?:Bytes)?Main\b")
"""What a Python calls first, that leaves all else to libpython."""
_HOLDS_PYTHON = re.compile(r"/libpython3[^/]*\Z")


class Whole(UserView):
    """A file system whose kept bytes are completed by what `content` reads, such as what `/etc/ld.so.cache` links to.

    All is seen in it, whoever the user is.
    """

    def __init__(self, fs: Rootfs, environment: Environment, content: Callable[[str], bytes]) -> None:
        super().__init__(fs, msgspec.structs.replace(environment, uid=0))
        self._content = content

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        try:
            return super().read(path)
        except NotKept:
            return self._content(path)


class Python(msgspec.Struct, frozen=True):
    """A Python that can be started: the file system with all that its user may not see, and what it starts with."""

    fs: Rootfs
    program: str
    environment: Environment

    def start(self, level: int, tables: Tables) -> Process | LoadFailure:
        """Start it on a processor of this x86-64 level."""
        process = Process(
            self.fs,
            self.environment.variables,
            rights=Rights(self.environment.uid or 0, self.environment.groups),
            cwd=self.environment.cwd or "/",
            level=level,
            tables=tables,
        )
        started = process.start(self.program)
        return started if isinstance(started, LoadFailure) else process


def refusal(
    fs: Rootfs, interpreter: Interpreter, environment: Environment, content: Callable[[str], bytes] | None = None
) -> Diagnostic | None:
    """Tell why the kernel and the loader don't start the interpreter, or may not; None where they do."""
    fs = Whole(fs, environment, content) if content is not None else fs
    python = Python(fs, interpreter.resolved, environment)
    tables = Tables(fs)

    def attempt(level: int) -> tuple[Diagnostic | None, Iterable[int]]:
        started = python.start(level, tables)
        if isinstance(started, LoadFailure):
            return diagnosed(started, fs), LEVELS
        doubts = "; ".join(started.doubts)
        if _MAIN.search(doubts):
            return Diagnostic("no", doubts.removesuffix(f", {LATE}")), started.levels
        return Diagnostic("unknown", f"whether it starts is not known: {doubts}") if doubts else None, started.levels

    return agreed(*at_each_level(attempt, same))


def built(fs: Rootfs, program: str, environment: Environment, content: Callable[[str], bytes]) -> Built | Unknown:
    """Tell what a Python was built as, of its program and the libpython that its loader finds for it.

    `Absent` where the loader doesn't start it.
    """
    fs = Whole(fs, environment, content)
    process = Python(fs, program, environment).start(1, Tables(fs))
    if isinstance(process, LoadFailure):
        failure = diagnosed(process, fs)
        return Absent(failure.text) if failure.severity == "no" else Unknown(failure.text)
    if process.doubts or process.levels:
        return Unknown(f"which libraries {program!r} starts with is not known")
    files = [each.file for each in process.loaded if _HOLDS_PYTHON.search(each.file) or each.file == program]
    return read_built([content(path) for path in files])


def agreed(answer: Diagnostic | None, depends: str) -> Diagnostic | None:
    """Return the answer for all processors: unknown where it depends on them."""
    return Diagnostic("unknown", depends) if depends else answer


def same(one: Diagnostic | None, other: Diagnostic | None) -> bool:
    """Test whether two answers are the same but for their words."""
    return (one and one.severity) == (other and other.severity)


def diagnosed(failure: LoadFailure | ImportFailure, fs: Rootfs) -> Diagnostic:
    """Say what the loader or Python says, and which object asked for what is missing, with its layer."""
    cause = failure if isinstance(failure, LoadFailure) else failure.cause
    text = failure.text if isinstance(failure, LoadFailure) else str(failure)
    if failure.certainty == "unknown":
        return Diagnostic("unknown", f"what the loader does is not known: {text}")
    asked = cause.needed_by if cause and "/_ctypes." not in cause.needed_by else ""
    if asked and asked not in text:
        text += f", needed by {asked!r}"
    at = next((path for path in (asked, cause.object if cause else "") if path.startswith("/")), "")
    real = resolve(fs, at) if at else None
    return Diagnostic("no", text, path=real or "")


def load_modules(process: Process, modules: Iterable[tuple[str, str | None]]) -> ImportFailure | None:
    """Import extension modules, by name and path, until one fails; those without a path must be built in."""
    try:
        built_in = built_in_modules(process)
    except NotKept as error:
        return ImportFailure(error="ImportError", text=str(error), certainty="unknown")
    for name, path in modules:
        if name in built_in:
            continue
        if path is None:
            return ImportFailure(error="ModuleNotFoundError", text=f"No module named {name!r}")
        failure = import_extension(process, name, path)
        if failure is not None:
            return failure
    return None
