"""Entries of sys.path that `glob.glob`, by which torch looks for NVIDIA's libraries, reads as patterns."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase

from inspector.rootfs import MOUNTED, NotListed, Rootfs, follow_links, is_dir

MAX_NAMES = 10_000
"""Names that are compared with one pattern."""
_MAGIC = re.compile(r"[*?[]")
_SIMPLE = re.compile(r"(?:[^*?[]|[*?]|\[!?\w++\])*+", re.ASCII)
"""What Python's releases read alike: `[b-a]` is an error in some, and matches nothing in others."""


def is_pattern(path: str) -> bool:
    """Tell as `glob.has_magic` does."""
    return _MAGIC.search(path) is not None


def may_match(fs: Rootfs, pattern: str) -> bool:
    """Tell whether glob may find a folder by an absolute pattern, followed component by component.

    True as well where that can't be told, as of what only a running container has.
    """
    folders, left = {"/"}, MAX_NAMES
    for part in filter(None, pattern.split("/")):
        found = set()
        for folder in folders:
            names = _matching(fs, folder, part, left) if is_pattern(part) else [part]
            left -= max(1, len(names)) if names is not None else 0
            if names is None or left < 0:
                return True
            for name in names:
                end, there = follow_links(fs, f"{folder}/{name}")
                if end.split("/")[1] in MOUNTED:
                    return True
                if there and is_dir(fs, end):
                    found.add(end)
        folders = found
    return bool(folders)


def _matching(fs: Rootfs, folder: str, part: str, most: int) -> Collection[str] | None:
    """Return the names in a folder that a part may match; None where that can't be told.

    A name that is not ASCII may, since Python's locale says how many characters it has.
    """
    try:
        names = set(fs.scandir(folder))
    except NotListed:
        return None
    if len(names) > most or not _SIMPLE.fullmatch(part):
        return None
    names |= set(MOUNTED) if folder == "/" else set()
    shown = (name for name in names if part.startswith(".") or not name.startswith("."))
    return [name for name in shown if not name.isascii() or fnmatchcase(name, part)]
