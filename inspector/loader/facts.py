"""What the facts of a loader's file mean: which C library it belongs to, glibc's version, what `$LIB` stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.elf import LoaderFacts

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,4})")


def glibc_version(facts: LoaderFacts) -> tuple[int, int] | None:
    """Return glibc's version as numbers; None for another loader."""
    match = _VERSION.match(facts.glibc)
    return (int(match[1]), int(match[2])) if match else None


def is_musl(facts: LoaderFacts, file: str) -> bool:
    """Tell whether the loader at a path without links is musl's, which is its C library too."""
    name = file.rpartition("/")[2]
    return not facts.glibc and name.startswith(("ld-musl-", "libc.musl-", "libc.so"))


def library_directory(directories: Sequence[str]) -> str:
    """Return what `$LIB` stands for: `lib64`, `lib/x86_64-linux-gnu` on Debian, `lib` where glibc has that alone."""
    names = directories[0].strip("/").split("/") if directories else []
    for at, name in enumerate(names):
        if name.startswith("lib"):
            return "/".join(names[at:])
    return "lib64"
