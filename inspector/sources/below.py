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

    folder, *names = [os.fsencode(top), *os.fsencode(path).split(b"/")]
    with contextlib.ExitStack() as stack:
        descriptor = os.open(folder, flags)
        stack.callback(os.close, descriptor)
        for name in names[:-1]:
            descriptor = os.open(name, DIRECTORY, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        file = stack.enter_context(open(os.open(names[-1], OPENED, dir_fd=descriptor), "rb", buffering=0))  # noqa: PTH123 - of a descriptor
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise NotKept("it changed since its layer was read")
        yield FilePart(file, 0, size), status
