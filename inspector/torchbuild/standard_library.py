"""Checks that `import torch` gets the standard library's own modules, and no files of the same names before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.python.files import names_in
from inspector.python.modules import find_in, find_modules
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some

_NAMES = """
argparse ast asyncio base64 bisect bz2 calendar collections concurrent contextlib contextvars copy copyreg csv ctypes
dataclasses datetime difflib dis email enum fnmatch functools gettext glob gzip hashlib heapq http importlib inspect
ipaddress json keyword linecache locale logging lzma multiprocessing ntpath numbers opcode operator pathlib pdb pickle
pickletools pkgutil platform pprint queue quopri random re reprlib selectors shutil signal socket ssl string struct
subprocess tarfile tempfile textwrap threading timeit token tokenize traceback types typing unittest urllib uuid
warnings weakref zipfile
"""
LOADED = frozenset(_NAMES.split())
"""Modules in Python that `import torch` was seen to load (2.13 on 3.11), less those that Python loads at its start."""

_OWN = ("typing_extensions", "torchgen")
_WHOLE = len(LOADED) // 2


def check_standard_library(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that no other file takes the place of a module that torch loads, and that none of them was removed."""
    library = standard_library_of(torch)
    if library is None:
        return
    shadowed, gone = [], []
    for name in sorted(LOADED):
        first = next(find_modules(torch.folders, torch.interpreter.search_path, name, torch.suffixes), None)
        if first is None or first.form == "namespace":
            gone.append(name)
        elif first.form != "archive" and torch.folders.at(first.entry).path != library:
            shadowed.append(first.origin or first.path)
    if shadowed:
        yield Diagnostic(
            "unknown", f"{some(shadowed)} take the place of modules of the standard library that torch loads"
        )
    if gone and len(LOADED) - len(gone) > _WHOLE:
        yield Diagnostic("unknown", f"the standard library lacks modules that torch loads: {some(gone)}")


def shadowing(paths: Sequence[str]) -> Iterator[Diagnostic]:
    """Report files that are loaded instead of the standard library's."""
    if paths:
        shown = some(paths)
        yield Diagnostic("unknown", f"{shown} take the place of modules of the standard library that torch loads")


def check_own_place(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that what torch needs beside it is not loaded from a folder before torch's own, such as the working one."""
    entries = [torch.folders.at(entry).path for entry in torch.interpreter.search_path]
    home = torch.folders.at(torch.found.entry).path
    before = entries[: entries.index(home)] if home in entries else []
    yield from check_displaced(torch, [entry for entry in before if entry is not None])


def check_displaced(torch: Candidate, before: Sequence[str]) -> Iterator[Diagnostic]:
    """Check that no folder in `before` displaces what was installed with torch, unless an installer filled it."""
    home = torch.folders.at(torch.found.entry).path
    unmanaged = [entry for entry in before if not _has_metadata(torch, entry)]
    for name in _OWN:
        if home is None or find_in(torch.folders, home, name, torch.suffixes) is None:
            continue
        found = (find_in(torch.folders, entry, name, torch.suffixes) for entry in unmanaged)
        first = next((one for one in found if one is not None and one.form != "namespace"), None)
        if first is not None:
            yield Diagnostic("unknown", f"{first.path!r} takes the place of the {name} that was installed with torch")


def _has_metadata(torch: Candidate, entry: str) -> bool:
    """Test whether an installer put something into the folder, so that what lies there is meant to be imported."""
    names = names_in(torch.folders.at(entry).children, ())
    return any(name.endswith((".dist-info", ".egg-info")) for name in names)


def standard_library_of(torch: Candidate) -> str | None:
    """Return the folder of the standard library, links followed: the first on the search path that has its landmark."""
    for entry in torch.interpreter.search_path:
        folder = torch.folders.at(entry)
        if folder.path is not None and "os.py" in folder.children and "encodings" in folder.children:
            return folder.path
    return None
