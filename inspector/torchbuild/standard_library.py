"""Whether `import torch` gets the standard library's own modules, or files of the same name that stand before them."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.python.files import is_listed, names_in
from inspector.python.modules import find_in, find_modules
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some

_NAMES = """
argparse ast asyncio base64 bisect bz2 calendar collections concurrent contextlib contextvars copy copyreg csv ctypes
dataclasses datetime difflib dis email enum fnmatch functools gettext glob gzip hashlib heapq http importlib inspect
ipaddress json keyword linecache locale logging lzma multiprocessing ntpath numbers opcode operator pathlib pickle
pickletools pkgutil platform pprint queue quopri random re reprlib selectors shutil signal socket ssl string struct
subprocess tarfile tempfile textwrap threading timeit token tokenize traceback types typing unittest urllib uuid
warnings weakref zipfile
"""
LOADED = frozenset(_NAMES.split())
"""Modules in Python that `import torch` was seen to load (2.13 on 3.11), less those that Python loads at its start."""

_OWN = ("typing_extensions", "torchgen")
_WHOLE = len(LOADED) // 2


def check_standard_library(torch: Candidate) -> Iterator[Diagnostic]:
    """No other file takes the place of a module that torch loads, and none of them was taken out."""
    library = _library(torch)
    if library is None:
        return
    if not torch.survey.whole:
        yield from _check_listed(torch, library)
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
    yield from _lacks_ctypes(torch, library)


def check_own_place(torch: Candidate) -> Iterator[Diagnostic]:
    """What torch needs beside it is not taken from the working directory or the like, before torch's own folder."""
    entries = [torch.folders.at(entry).path for entry in torch.interpreter.search_path]
    home = torch.folders.at(torch.found.entry).path
    before = entries[: entries.index(home)] if home in entries else []
    if not torch.survey.whole:
        before = [*_before(torch, _library(torch))]
    unmanaged = [entry for entry in before if entry is not None and not _has_metadata(torch, entry)]
    for name in _OWN:
        if home is None or find_in(torch.folders, home, name, torch.suffixes) is None:
            continue
        found = (find_in(torch.folders, entry, name, torch.suffixes) for entry in unmanaged)
        first = next((one for one in found if one is not None and one.form != "namespace"), None)
        if first is not None:
            yield Diagnostic("unknown", f"{first.path!r} takes the place of the {name} that was installed with torch")


def _check_listed(torch: Candidate, library: str) -> Iterator[Diagnostic]:
    """The folders before the standard library, as far as they are listed: else each takes a hundred questions."""
    listed = [entry for entry in _before(torch, library) if is_listed(torch.folders.at(entry).children)]
    places = ((entry, name) for entry in listed for name in sorted(LOADED))
    found = [find_in(torch.folders, entry, name, torch.suffixes) for entry, name in places]
    shadowed = [one.origin or one.path for one in found if one is not None and one.form != "namespace"]
    if shadowed:
        yield Diagnostic(
            "unknown", f"{some(shadowed)} take the place of modules of the standard library that torch loads"
        )


def _before(torch: Candidate, library: str | None) -> list[str]:
    """The directories that stand on the search path before the standard library."""
    paths = [torch.folders.at(entry).path for entry in torch.interpreter.search_path]
    before = paths[: paths.index(library)] if library in paths else []
    return [path for path in before if path is not None]


def _has_metadata(torch: Candidate, entry: str) -> bool:
    """Whether an installer put something into the folder, so that what lies there is meant to be imported."""
    names = names_in(torch.folders.at(entry).children, ())
    return any(name.endswith((".dist-info", ".egg-info")) for name in names)


def _library(torch: Candidate) -> str | None:
    """The folder of the standard library, links followed: the first on the search path that has its landmark."""
    for entry in torch.interpreter.search_path:
        folder = torch.folders.at(entry)
        if folder.path is not None and "os.py" in folder.children and "encodings" in folder.children:
            return folder.path
    return None


def _lacks_ctypes(torch: Candidate, library: str) -> Iterator[Diagnostic]:
    """Where extension modules are files of their own, as `_json` shows, `_ctypes` is one of them."""
    names = torch.folders.at(f"{library}/lib-dynload").children
    if any(name.startswith("_json.") for name in names) and not any(name.startswith("_ctypes.") for name in names):
        yield Diagnostic("unknown", "the standard library lacks the extension module '_ctypes', which torch loads")
