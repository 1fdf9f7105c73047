"""What CPython does with an extension module (`Python/dynload_shlib.c`) and what ctypes does, and how each fails."""

from __future__ import annotations

import msgspec

from inspector.loader.model import Certainty, Loaded, LoadFailure
from inspector.loader.process import Process
from inspector.rootfs import NotKept

BUILT_IN = frozenset({"sys", "builtins", "marshal", "gc", "_imp", "_ast", "_tokenize", "_string", "_warnings"})
"""Modules that an interpreter holds without a PyInit function."""


class ImportFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An exception of Python's: its class and text, as a traceback ends with them.

    Where certainty is "dies", the process ends instead; `error` is empty then. `cause` is what the loader said.
    """

    error: str
    text: str
    certainty: Certainty = "fails"
    cause: LoadFailure | None = None

    def __str__(self) -> str:
        return f"{self.error}: {self.text}" if self.error else self.text


def failed(error: str, cause: LoadFailure) -> ImportFailure:
    """Return the exception that a failure of the loader raises."""
    return ImportFailure(
        error="" if cause.certainty == "dies" else error, text=cause.text, certainty=cause.certainty, cause=cause
    )


def import_extension(
    process: Process, name: str, path: str, *, now: bool = True, shared: bool = False
) -> ImportFailure | None:
    """Load the extension module `name` from its file; None where that works."""
    found = process.dlopen(path, now=now, shared=shared)
    if isinstance(found, LoadFailure):
        return failed("ImportError", found)
    last = name.rpartition(".")[2]
    if not last.isascii():
        text = f"{path}: whether it defines {last!r} is not known"  # PyInitU_ and punycode: nobody names a module so
        return ImportFailure(error="ImportError", text=text, certainty="unknown")
    try:
        known = any(last in process.symbols(each).modules for each in found.closure or [found])
    except NotKept as error:
        return ImportFailure(error="ImportError", text=f"{path}: {error}", certainty="unknown")
    if known:
        return None
    text = f"dynamic module does not define module export function (PyInit_{last})"
    return ImportFailure(error="ImportError", text=text)


def open_library(process: Process, path: str, *, shared: bool = False) -> ImportFailure | None:
    """Open a library as `ctypes.CDLL` does, which the module `_ctypes` asks for where it is a library itself."""
    caller = next((each for each in process.loaded if "/_ctypes." in each.path), None)
    found = process.dlopen(path, shared=shared, caller=caller)
    return failed("OSError", found) if isinstance(found, LoadFailure) else None


def built_in_modules(process: Process) -> frozenset[str]:
    """Return the modules that the started interpreter holds itself. Raises `NotKept`."""
    found: set[str] = set(BUILT_IN)
    for each in _of_interpreter(process):
        found.update(process.symbols(each).modules)
    return frozenset(found)


def _of_interpreter(process: Process) -> list[Loaded]:
    loaded = process.loaded
    return [each for each in loaded if each is loaded[0] or "/libpython" in each.path]
