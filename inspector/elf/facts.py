"""What a loader's own file tells: where it looks by default, and which C library it belongs to."""

from __future__ import annotations

import re

from inspector.elf.model import LoaderFacts

MAX_LOADER = 8 << 20
"""Bytes of a loader's file; glibc's has 0.2 to 1.5 MB, musl's, which is the C library too, 0.6 to 1.5 MB."""
_MAX_FOLDERS = 32

_NAME = (
    r"(?:^|/)(?:ld-linux[^/]*\.so[^/]*|ld-[\d.]+\.so|ld-musl-[^/]*\.so[^/]*|ld64\.so[^/]*|ld\.so[^/]*"
    r"|libc\.so|libc\.musl-[^/]*\.so[^/]*)\Z"
)
_FOLDERS = re.compile(rb"/(?:[\w.+@~-]{1,255}/){1,32}\0(?:/(?:[\w.+@~-]{1,255}/){1,32}\0){0,31}")
"""Up to 32 folders, the first by itself: so the search jumps from slash to slash."""
_MUSL = rb"(?:(?<=\0)|\A)(/[\w.+@~/-]{1,255}(?::/[\w.+@~/-]{1,255}){1,31})\0"
_CACHE = re.compile(rb"\0(/[\w.+@~/-]{1,4095}\.cache)\0")
_VERSION = re.compile(rb" release version (\d{1,3}\.\d{1,4})")


def is_loader(path: str) -> bool:
    """Tell whether a path or SONAME is, by its last part, a loader's (or that of musl's C library, which is one)."""
    name = path[path.rfind("/") + 1 :]
    return name[:2] in ("ld", "li") and ".so" in name and bool(re.search(_NAME, path))


def read_loader(content: bytes) -> LoaderFacts:
    """Read the facts from a loader's whole file."""
    version = _VERSION.search(content)
    if version is not None:
        runs = [run.group().split(b"\0")[:-1] for run in _FOLDERS.finditer(content)]
        folders = max(runs, key=len, default=[])
    else:
        musl = (run[1].split(b":") for run in re.finditer(_MUSL, content))
        folders = next((run for run in musl if all(b"lib" in folder for folder in run)), [])  # not PATH's default
    texts = tuple(folder.decode("utf-8", "surrogateescape").rstrip("/") or "/" for folder in folders[:_MAX_FOLDERS])
    if version is None:
        return LoaderFacts(texts)
    cache = _CACHE.search(content)
    return LoaderFacts(texts, version[1].decode(), cache[1].decode("utf-8", "surrogateescape") if cache else "")
