"""Files below a directory, reached name by name: no link is followed, so that nothing leads out of it."""

from __future__ import annotations

import contextlib
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from inspector.rootfs import Kind, NotKept

if TYPE_CHECKING:
    from inspector.elf import FilePart
    from inspector.layers.entries import Entries

CHANGED = "it changed since its directory was read"

OPENED = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
DIRECTORY = OPENED | getattr(os, "O_DIRECTORY", 0)

KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}
"""What a file is by the type in its mode; a socket is none of these, and in no tar."""
FOLLOWED = DIRECTORY & ~getattr(os, "O_NOFOLLOW", 0)
"""How a directory is opened that may be named by a link."""


class Folders:
    """The folders below `top`, opened one by one on the way to a file, and none through a link; `flags` open `top`.

    Those of the last file stay open, as the next one mostly lies there too. Raises `OSError`.
    """

    def __init__(self, top: Path, flags: int = DIRECTORY) -> None:
        self.top = top
        self._flags = flags
        self._names: list[str] = []
        self._opened: list[int] = []

    def __enter__(self) -> Self:
        self._opened = [os.open(self.top, self._flags)]
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(0)

    def place(self, path: str) -> tuple[int, str]:
        """Return the folder that holds a file, opened, and the name in it."""
        *names, last = path.split("/")
        same = 0
        while same < min(len(names), len(self._names)) and names[same] == self._names[same]:
            same += 1
        self._leave(same + 1)
        for name in names[same:]:
            self._opened.append(os.open(name, DIRECTORY, dir_fd=self._opened[-1]))
            self._names.append(name)
        return self._opened[-1], last

    def _leave(self, count: int) -> None:
        """Close all folders but the first ones."""
        while len(self._opened) > count:
            os.close(self._opened.pop())
        del self._names[max(count - 1, 0) :]


@contextlib.contextmanager
def file_below(top: Path, path: str, size: int, flags: int = DIRECTORY) -> Iterator[tuple[FilePart, os.stat_result]]:
    """Open the regular file at `path`, relative to `top`, which was seen to have `size` bytes; `flags` open `top`.

    Raises `NotKept` where it is another one by now, and `OSError`.
    """
    from inspector.elf import FilePart

    with Folders(top, flags) as folders:
        folder, name = folders.place(path)
        descriptor = os.open(name, OPENED, dir_fd=folder)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
        status = os.fstat(descriptor)
        _refuse_other(status, size)
        yield FilePart(file, 0, size), status


def readers_below(
    top: Path, entries: Entries, positions: Iterable[int], flags: int = DIRECTORY, latest: float = math.inf
) -> Iterator[tuple[int, Callable[[int], bytes]]]:
    """Yield positions of regular files, each with a function that returns so many first bytes until the next is asked.

    The function raises `NotKept` where the file is another one by now, or was changed after `latest`, in nanoseconds,
    and `OSError`.
    """
    with Folders(top, flags) as folders:
        for position in positions:
            yield position, partial(_begin, folders, entries.path(position), entries.sizes[position], latest)


def _begin(folders: Folders, path: str, size: int, latest: float, count: int) -> bytes:
    folder, name = folders.place(path)
    descriptor = os.open(name, OPENED, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        _refuse_other(status, size)
        if status.st_ctime_ns > latest:
            raise NotKept(CHANGED)
        return os.read(descriptor, count)
    finally:
        os.close(descriptor)


def _refuse_other(status: os.stat_result, size: int) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_size != size:
        raise NotKept("it changed since its layer was read")
