"""Compares a layer's directory with the layer's tar, name by name: what was added to it, and what is gone."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from inspector import work
from inspector.errors import LimitExceeded
from inspector.layers.entries import CODES, Entries
from inspector.layers.tar import MAX_HEADERS
from inspector.layers.tree import WHITEOUT
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.below import DIRECTORY
from inspector.sources.engine.disk import unusable

_FILES = frozenset(CODES[kind] for kind in (Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.HARDLINK))
_ON_DISK = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})


def find_difference(top: Path, entries: Entries) -> str:
    """Say in what the directory differs from the entries, which name nothing twice; empty where it does not.

    Paths are compared by hash, since those of a large layer would take more memory than all else. Devices, which not
    every engine may make, may be missing. Raises `AccessUnusable`, `LimitExceeded`.
    """
    paths = (entries.path(position) for position in range(len(entries)))
    named = {hash(path) for path in paths}
    implied = {hash(each) for parent in entries.parents for each in (parent, *_parents(parent))}
    left = sum(_is_file(entries, position) for position in range(len(entries)))
    with closing(names_below(top)) as found:
        for path, status in found:
            is_named = hash(path) in named
            if not (is_named or hash(path) in implied or (_is_mark(status) and hash(_whiteout(path)) in named)):
                return f"{path!a} in it is not in the layer's tar"
            left -= is_named and WHITEOUT not in path and stat.S_IFMT(status.st_mode) in _ON_DISK
    only_files = _FILES.issuperset(entries.kinds)  # else a hard link may be another name of a device
    return f"{left} files of the layer's tar are not in it" if left > 0 and only_files else ""


def _is_file(entries: Entries, position: int) -> bool:
    """Tell whether the entry stands in the directory under its own name; the root has none."""
    path = entries.path(position)
    return bool(path) and entries.kinds[position] in _FILES and WHITEOUT not in path


def names_below(top: Path) -> Generator[tuple[str, os.stat_result]]:
    """Yield the paths below the directory, no link followed: each folder is opened as the inode that was listed."""
    left = MAX_HEADERS
    try:
        root = os.open(top, DIRECTORY)
    except OSError as error:
        raise unusable(top, error) from error
    todo: list[tuple[str, os.stat_result]] = [("", os.fstat(root))]
    try:
        while todo:
            work.check()
            with closing(_listed(root, *todo.pop())) as listed:
                for path, status in listed:
                    left -= 1
                    if left < 0:
                        raise LimitExceeded(f"{str(top)!a} holds more than {MAX_HEADERS} files")
                    if stat.S_ISDIR(status.st_mode):
                        todo.append((path, status))
                    yield path, status
    except OSError as error:
        raise unusable(top / os.fsdecode(error.filename or ""), error) from error
    finally:
        os.close(root)


def _listed(root: int, folder: str, expected: os.stat_result) -> Generator[tuple[str, os.stat_result]]:
    descriptor = os.open(folder or ".", DIRECTORY, dir_fd=root)
    try:
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != (expected.st_dev, expected.st_ino):
            raise AccessUnusable(f"{folder!a} changed while it was read")
        with os.scandir(descriptor) as items:
            for item in items:
                yield (f"{folder}/{item.name}" if folder else item.name), item.stat(follow_symlinks=False)
    finally:
        os.close(descriptor)


def _parents(path: str) -> Generator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _whiteout(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{WHITEOUT}{name}"


def _is_mark(status: os.stat_result) -> bool:
    """Tell whether the file is the kernel's mark of a removed one."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
