"""The version of the rules by which facts are found: a digest of the program's own files that find them.

So no change of these can be forgotten. Reading them all takes longer than to answer for an image that is known, so the
digest is kept, by the sizes and times of the files.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.layers.cache import IndexCache

FINDERS = (
    "elf",
    "engine",
    "facts",
    "gpu",
    "imports",
    "layers",
    "loader",
    "names.py",
    "oci",
    "python",
    "rootfs.py",
    "sources",
    "torchbuild",
    "unknown.py",
    "values.py",
    "words.py",
)
"""The files and folders of the package that facts depend on."""

_FOLDER = Path(__file__).parents[1]


def rules_of(cache: IndexCache) -> str | None:
    """Return the version of the rules; None where the program's own files can't be read, as in an archive.

    `cache` keeps what it takes reading to know.
    """
    try:
        files = sorted(_files(str(_FOLDER / name) for name in FINDERS))
        described = _digest(repr((_runtime(), files)).encode())
        known = cache.answers.rules_of(described)
        if known is None:
            known = _digest(repr(_runtime()).encode(), *(Path(path).read_bytes() for path, _, _ in files))
            cache.answers.put_rules(described, known)
    except OSError:
        return None
    return known


def _files(paths: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of change of each source at the paths, and below them."""
    for path in paths:
        if path.endswith(".py"):
            status = os.stat(path)  # noqa: PTH116 - 300 of them
            yield path, status.st_size, status.st_mtime_ns
            continue
        with os.scandir(path) as found:
            entries = list(found)
        for each in entries:
            if each.is_dir():
                yield from _files([each.path]) if each.name != "__pycache__" else ()
            elif each.name.endswith(".py"):
                status = each.stat()
                yield each.path, status.st_size, status.st_mtime_ns


def _runtime() -> tuple[object, ...]:
    """Return what else the rules depend on: Python, whose own parser reads sources, and the library of versions."""
    import packaging  # its first module alone

    return sys.implementation.name, sys.version_info[:3], packaging.__version__


def _digest(*contents: bytes) -> str:
    found = hashlib.sha256()
    for content in contents:
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()
