"""An engine's archive API over a root file system in memory: what a container of the image would answer."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from fixtures.elf import Elf
from inspector.elf import Skeleton
from inspector.engine.model import Stat
from inspector.errors import NotFound
from inspector.layers.merge import MergedRootfs
from inspector.rootfs import Kind, Node, NotKept, resolve

_TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.CHAR: tarfile.CHRTYPE,
    Kind.BLOCK: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}


class MemoryArchive:
    """`stat` and `archive` as Docker answers them. `asked` lists the questions, `H path` and `G path`."""

    def __init__(self, fs: MergedRootfs) -> None:
        self.fs = fs
        self.asked: list[str] = []

    def stat(self, container: str, path: str) -> Stat | None:
        """See `Engine.stat`."""
        del container
        self.asked.append(f"H {path}")
        real = self._real(path)
        node = self.fs.lstat(real) if real else None
        if node is None:
            return None
        target = resolve(self.fs, path) or posixpath.join("/", posixpath.dirname(path), node.target)
        size = node.size if node.kind is Kind.FILE else 0
        return Stat(size, node.kind, node.mode, target if node.kind is Kind.SYMLINK else "")

    @contextmanager
    def archive(self, container: str, path: str) -> Iterator[BinaryIO]:
        """See `Engine.archive`."""
        del container
        self.asked.append(f"G {path}")
        real = self._real(path)
        if real is None or self.fs.lstat(real) is None:
            raise NotFound(path)
        yield io.BytesIO(self._tar(real, posixpath.basename(path)))

    def _real(self, path: str) -> str | None:
        """The path with its parents' links followed."""
        if path == "/":
            return path
        parent = resolve(self.fs, posixpath.dirname(path))
        return None if parent is None else f"{parent.rstrip('/')}/{posixpath.basename(path)}"

    def _tar(self, top: str, name: str) -> bytes:
        written: dict[int, str] = {}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", errors="surrogateescape") as tar:
            todo = [(top, name)]
            while todo:
                path, shown = todo.pop()
                node = self.fs.lstat(path)
                assert node is not None
                self._add(tar, path, shown, node, written)
                if node.kind is Kind.DIRECTORY:
                    children = sorted(self.fs.scandir(path), reverse=True)
                    todo += [(f"{path.rstrip('/')}/{child}", f"{shown}/{child}") for child in children]
        return buffer.getvalue()

    def _add(self, tar: tarfile.TarFile, path: str, shown: str, node: Node, written: dict[int, str]) -> None:
        member = tarfile.TarInfo(shown)
        member.type, member.mode = _TYPES[node.kind], node.mode
        if node.kind is not Kind.FILE:
            member.linkname = node.target
            tar.addfile(member)
        elif node.inode in written:
            member.type, member.linkname = tarfile.LNKTYPE, written[node.inode]
            tar.addfile(member)
        else:
            written[node.inode] = shown
            member.size = node.size
            tar.addfile(member, io.BytesIO(self._data(path, node.size)))

    def _data(self, path: str, size: int) -> bytes:
        """The bytes that were kept, a C library that defines the same versions, and zeros for the others."""
        try:
            if posixpath.basename(path) == "libc.so.6":
                skeleton = self.fs.skeleton(path)
                assert isinstance(skeleton, Skeleton)
                return Elf(soname="libc.so.6", defines=(skeleton.defined or ())[1:]).encode().ljust(size, b"\0")
            return self.fs.head(path).ljust(size, b"\0")
        except NotKept:
            return bytes(size)
