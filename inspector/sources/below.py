"""Files below a directory, reached name by name: no link is followed, so that nothing leads out of it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.rootfs import Kind, NotKept

if TYPE_CHECKING:
    from inspector.elf import FilePart

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


@contextlib.contextmanager
def file_below(top: Path, path: str, size: int, flags: int = DIRECTORY) -> Iterator[tuple[FilePart, os.stat_result]]:
    """Open the regular file at `path`, relative to `top`, which was seen to have `size` bytes; `flags` open `top`.

    Raises `NotKept` where it is another one by now, and `OSError`.
    """
    from inspector.elf import FilePart

    *folders, name = os.fsencode(path).split(b"/")
    folder = os.open(top, flags)
    try:
        for each in folders:
            below = os.open(each, DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = below
        descriptor = os.open(name, OPENED, dir_fd=folder)
    finally:
        os.close(folder)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise NotKept("it changed since its layer was read")
        yield FilePart(file, 0, size), status
