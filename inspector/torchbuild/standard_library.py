"""Checks that `import torch` gets the standard library's own modules, and no files of the same names before them."""

from __future__ import annotations

import re
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

PACKAGES = (
    *(
        "asyncio",
        "collections",
        "concurrent",
        "concurrent/futures",
        "ctypes",
        "email",
        "encodings",
        "http",
        "importlib",
    ),
    *("importlib/metadata", "importlib/resources", "json", "logging", "multiprocessing", "re", "unittest", "urllib"),
)
"""Folders of the standard library that it loads from."""
_PARTS = """
__future__ _collections_abc _compat_pickle _weakrefset abc codecs genericpath io os posixpath runpy stat
asyncio/base_events asyncio/base_futures asyncio/base_subprocess asyncio/base_tasks asyncio/constants asyncio/coroutines
asyncio/events asyncio/exceptions asyncio/format_helpers asyncio/futures asyncio/locks asyncio/log asyncio/protocols
asyncio/queues asyncio/runners asyncio/selector_events asyncio/sslproto asyncio/staggered asyncio/streams
asyncio/subprocess asyncio/tasks asyncio/transports asyncio/trsock asyncio/unix_events collections/abc
concurrent/futures concurrent/futures/_base concurrent/futures/thread ctypes/_endian email/_encoded_words
email/_parseaddr email/_policybase email/base64mime email/charset email/encoders email/errors email/feedparser
email/header email/iterators email/message email/parser email/quoprimime email/utils encodings/aliases encodings/utf_8
http/client importlib/abc importlib/machinery importlib/metadata importlib/resources importlib/util json/decoder
json/encoder json/scanner multiprocessing/connection multiprocessing/context multiprocessing/process
multiprocessing/reduction multiprocessing/resource_sharer multiprocessing/spawn multiprocessing/util unittest/case
unittest/loader unittest/main unittest/mock unittest/result unittest/runner unittest/signals unittest/suite
unittest/util urllib/error urllib/parse urllib/request urllib/response
"""
PARTS = tuple(_PARTS.split())
"""Other modules that it was seen to load, in files that Python 3.8 to 3.14 have."""

FIRST = ("_struct", "_ctypes")
"""Extension modules of the standard library that every torch loads first."""
LATER = (
    *("_contextvars", "_csv", "_multiprocessing", "_posixshmem", "_posixsubprocess", "_random", "_socket", "array"),
    *("binascii", "cmath", "math", "mmap", "select", "zlib"),
)
"""Others without which `import torch` fails (2.13 on 3.11, each made to fail)."""
SPARED = (
    *("_asyncio", "_bisect", "_bz2", "_datetime", "_hashlib", "_heapq", "_json", "_lzma", "_pickle", "_queue", "_ssl"),
    "_uuid",
)
"""Others that it imports, and does without where they don't load, unless they end the process."""
_ARCHIVE = re.compile(r"/python3\d+\.zip$")
"""What Python puts on its search path right before the standard library, there or not."""
_OWN = ("typing_extensions", "torchgen")
_WHOLE = len(LOADED) // 2


def check_standard_library(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that no other file takes the place of a module that torch loads, and that none of them was removed."""
    library = standard_library_of(torch)
    if library is None:
        return
    shadowed, gone = [], []
    for name in (*sorted(LOADED), *FIRST, *LATER, *SPARED):
        first = next(find_modules(torch.folders, torch.interpreter.search_path, name, torch.suffixes), None)
        if first is None or first.form == "namespace":
            gone += [name] if name in LOADED else []  # others may be built in
        elif first.form != "archive" and not _is_own(torch, first.entry, library):
            shadowed.append(first.origin or first.path)
    if shadowed:
        yield from shadowing(shadowed)
    if gone and len(LOADED) - len(gone) > _WHOLE:
        text = f"the standard library lacks modules that torch loads: {some(gone)}"
        yield Diagnostic("unknown", text, asks=True)


def _is_own(torch: Candidate, entry: str, library: str) -> bool:
    path = torch.folders.at(entry).path or ""
    return path == library or path.endswith("/lib-dynload")


def shadowing(paths: Sequence[str]) -> Iterator[Diagnostic]:
    """Report files that are loaded instead of the standard library's."""
    if paths:
        shown = some(paths)
        text = f"{shown} take the place of modules of the standard library that torch loads"
        yield Diagnostic("unknown", text, asks=True)


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
            text = f"{first.path!r} takes the place of the {name} that was installed with torch"
            yield Diagnostic("unknown", text, asks=True)


def _has_metadata(torch: Candidate, entry: str) -> bool:
    """Test whether an installer put something into the folder, so that what lies there is meant to be imported."""
    names = names_in(torch.folders.at(entry).children, ())
    return any(name.endswith((".dist-info", ".egg-info")) for name in names)


def is_followable(torch: Candidate) -> bool:
    """Test whether most of the standard library is there, without which no import of it can be followed."""
    library = standard_library_of(torch)
    names = torch.folders.at(library).children if library else {}
    there = sum(name in names or f"{name}.py" in names for name in LOADED)
    return there > _WHOLE or any(torch.folders.is_file(entry) for entry in torch.interpreter.search_path)


def standard_library_of(torch: Candidate) -> str | None:
    """Return the folder of the standard library, links followed: the first with its landmark from its zip on.

    What stands before the zip, as PYTHONPATH does, only takes its place.
    """
    path = torch.interpreter.search_path
    start = next((at for at, entry in enumerate(path) if _ARCHIVE.search(entry)), 0)
    for entry in path[start:]:
        folder = torch.folders.at(entry)
        if folder.path is not None and "os.py" in folder.children and "encodings" in folder.children:
            return folder.path
    return None
