"""The machine's own files as a `Rootfs`, so that answers can be compared with the interpreters that live there."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from inspector.elf import (
    Content,
    Listed,
    LoaderFacts,
    NotElf,
    Skeleton,
    Symbols,
    read_listed,
    read_loader,
    read_skeleton,
    read_symbols,
)
from inspector.errors import NotFound
from inspector.layers.sums import sum_of
from inspector.rootfs import Kind, Node, NotKept
from inspector.work import Budget

_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFIFO: Kind.FIFO,
}


class HostRootfs:
    """Reads only, follows no link; the head of a file is as short as an index keeps it."""

    def __init__(self) -> None:
        self.budget = Budget()

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        return _node(path) if _is_plain(path.rpartition("/")[0]) else None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        try:
            names = os.listdir(path) if _is_plain(path) else []  # noqa: PTH208 - names alone, and quick
        except OSError:
            return {}
        nodes = {name: _node(f"{path}/{name}") for name in names}
        return {name: node for name, node in nodes.items() if node is not None}

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        return os.readlink(path)  # noqa: PTH115 - the text as it is

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise NotFound(f"{path!r}: {error}") from error

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        with Path(path).open("rb") as file:
            head = file.read(4096)
        if head.startswith(b"\x7fELF"):
            return head[:1024]
        if head and not head.startswith(b"#!"):
            raise NotKept(f"{path!r}: no program")
        return head

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """See `Rootfs.skeleton`."""
        return read_skeleton(Content(self.read(path)))

    def symbols(self, path: str) -> Symbols:
        """See `Rootfs.symbols`."""
        return read_symbols(Content(self.read(path)))

    def loader(self, path: str) -> LoaderFacts:
        """See `Rootfs.loader`."""
        return read_loader(self.read(path))

    def listed(self, path: str) -> Listed:
        """See `Rootfs.listed`."""
        return read_listed(Content(self.read(path)), path)

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        return sum_of(self.read(path))


def _is_plain(folder: str) -> bool:
    """Whether no link is passed on the way to a folder."""
    return os.path.realpath(folder or "/") == (folder or "/")


def _node(path: str) -> Node | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    target = os.readlink(path) if kind is Kind.SYMLINK else ""  # noqa: PTH115 - the text as it is written
    return Node(kind, stat.S_IMODE(status.st_mode), status.st_size, target, status.st_ino)
