"""A directory of this machine as a root file system, and its ELF files as a loader sees them."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from inspector.elf import (
    Content,
    FilePart,
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
from inspector.layers.kept import kept
from inspector.layers.sums import sum_of
from inspector.rootfs import CAPABILITY, Kind, Node
from inspector.work import Budget

_KINDS = {
    modes.S_IFREG: Kind.FILE,
    modes.S_IFDIR: Kind.DIRECTORY,
    modes.S_IFLNK: Kind.SYMLINK,
    modes.S_IFCHR: Kind.CHAR,
    modes.S_IFBLK: Kind.BLOCK,
    modes.S_IFIFO: Kind.FIFO,
}


class DirectoryRootfs:
    """A `Rootfs` over the directory `top`; the facts of each ELF file are read once."""

    def __init__(self, top: str = "/") -> None:
        self._top = top.rstrip("/")
        self._nodes: dict[str, Node | None] = {}
        self.budget = Budget()
        self.skeleton = cache(self._skeleton)
        self.symbols = cache(self._symbols)
        self.loader = cache(self._loader)
        self.listed = cache(self._listed)

    def host(self, path: str) -> str:
        """The path on this machine."""
        return self._top + path

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        if path not in self._nodes:
            self._nodes[path] = self._lstat(self.host(path))
        return self._nodes[path]

    @staticmethod
    def _lstat(path: str) -> Node | None:
        try:
            found = os.lstat(path or "/")
        except (OSError, ValueError):  # a name with a zero byte is no file's
            return None
        kind = _KINDS.get(modes.S_IFMT(found.st_mode))
        if kind is None:
            return None
        return Node(
            kind=kind,
            mode=modes.S_IMODE(found.st_mode),
            size=found.st_size,
            target=os.readlink(path) if kind is Kind.SYMLINK else "",  # noqa: PTH115 - the text as it is
            inode=found.st_dev << 48 ^ found.st_ino,
            uid=found.st_uid,
            gid=found.st_gid,
            capability=_capability(path) if kind is Kind.FILE else b"",
        )

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        try:
            names = os.listdir(self.host(path) or "/")  # noqa: PTH208 - names alone, and quick
        except OSError:
            return {}
        found = ((name, self.lstat(f"{path.rstrip('/')}/{name}")) for name in names)
        return {name: node for name, node in found if node is not None}

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        return os.readlink(self.host(path))  # noqa: PTH115 - the text as it is

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        try:
            return Path(self.host(path)).read_bytes()
        except OSError as error:
            raise NotFound(str(error)) from None

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        return self.read(path)[:4096]

    def _skeleton(self, path: str) -> Skeleton | NotElf:
        with Path(self.host(path)).open("rb") as file:
            return read_skeleton(FilePart(file, 0, os.fstat(file.fileno()).st_size))

    def _symbols(self, path: str, *, whole: bool = False) -> Symbols:
        with Path(self.host(path)).open("rb") as file:
            return read_symbols(FilePart(file, 0, os.fstat(file.fileno()).st_size), whole=whole)

    def _loader(self, path: str) -> LoaderFacts:
        return read_loader(self.read(path))

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        return sum_of(self.read(path))

    def _listed(self, path: str) -> Listed:
        return read_listed(Content(self.read(path)), path)


def _capability(path: str) -> bytes:
    try:
        return os.getxattr(path, CAPABILITY) if hasattr(os, "getxattr") else b""
    except OSError:
        return b""


class KeptRootfs(DirectoryRootfs):
    """The same, as the cache keeps symbols: of libraries that define more than `most`, none that they define."""

    def __init__(self, top: str, most: int) -> None:
        super().__init__(top)
        self._most = most

    def _symbols(self, path: str, *, whole: bool = False) -> Symbols:
        found = super()._symbols(path, whole=True)
        return found if whole else kept(found, frozenset(), self._most)
