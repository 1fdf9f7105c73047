"""The compiled modules of an import, opened in the loader's model in their order, at each level of processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from inspector.errors import InspectorError
from inspector.loader import (
    LEVELS,
    ImportFailure,
    LoadFailure,
    Process,
    Rights,
    Tables,
    TorchFiles,
    built_in_modules,
    import_extension,
    import_torch,
)
from inspector.python.environment import Environment
from inspector.rootfs import Rootfs

TORCH = "torch._C"


class Step(NamedTuple):
    """A compiled module that was opened, or only tried, and whether that worked."""

    name: str
    path: str
    maybe: bool
    worked: bool


class Opener:
    """A started Python whose compiled modules are opened in turn. Raises `NotKept` where it can't be started."""

    def __init__(
        self,
        fs: Rootfs,
        program: str,
        environment: Environment,
        torch: Callable[[str], TorchFiles | None] = lambda _: None,
    ) -> None:
        self._fs = fs
        self._program = program
        self._environment = environment
        self._torch = torch
        self._tables = Tables(fs)
        self.steps: list[Step] = []
        self.process = self._process(1)
        started = self.process.start(program)
        self.refused = started if isinstance(started, LoadFailure) else None
        self.built_in = frozenset[str]() if self.refused else built_in_modules(self.process)

    @property
    def interpreter_files(self) -> list[str]:
        """The files of the program, and of the library that holds Python where that is another."""
        loaded = self.process.loaded
        return [each.file for each in loaded if each is loaded[0] or "/libpython" in each.path]

    def _process(self, level: int) -> Process:
        at = self._environment
        rights = Rights(at.uid or 0, at.groups)
        return Process(self._fs, at.variables, rights=rights, cwd=at.cwd or "/", level=level, tables=self._tables)

    def open(self, name: str, path: str, *, maybe: bool) -> ImportFailure | None:
        """Open a compiled module; with `maybe`, only try it."""
        failure = self._open(self.process, name, path, maybe=maybe)
        self.steps.append(Step(name, path, maybe, failure is None))
        return failure

    def _open(self, process: Process, name: str, path: str, *, maybe: bool) -> ImportFailure | None:
        if maybe:
            with process.trying():
                return self._open(process, name, path, maybe=False)
        if name == TORCH:
            files = self._torch(path)
            if files is not None:
                return import_torch(process, self._fs, files)
        return import_extension(process, name, path)

    def differs(self) -> str:
        """Say why another processor would end otherwise, opening the same modules; empty where none does."""
        done, todo = {LEVELS[0]}, set(self.process.levels)
        while todo - done:
            level = min(todo - done)
            done.add(level)
            process = self._process(level)
            try:
                started = process.start(self._program)
                same = not isinstance(started, LoadFailure) and all(self._again(process, step) for step in self.steps)
            except InspectorError as error:
                return str(error)
            if not same or process.doubts:
                return f"it depends on the processor: x86-64-v{level} loads other libraries"
            todo |= process.levels
        return ""

    def _again(self, process: Process, step: Step) -> bool:
        failure = self._open(process, step.name, step.path, maybe=step.maybe)
        return (failure is None) == step.worked
