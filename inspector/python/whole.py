"""A root file system whose every file can be read: what no index keeps is read of the layers again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector.rootfs import Below, Names, Node, NotKept, Rootfs, files_below, names_in

MAX_SCRIPT = 1 << 20
"""Bytes of a file that is read whole for its beginning."""
ReadContent = Callable[[str], bytes]
"""What reads any file of an image."""


class WholeRootfs:
    """A `Rootfs` that asks `content` for the files that are not kept."""

    def __init__(self, fs: Rootfs, content: ReadContent) -> None:
        self._fs, self._content = fs, content
        self.budget = fs.budget
        self.lstat, self.readlink = fs.lstat, fs.readlink
        self.skeleton, self.symbols, self.loader = fs.skeleton, fs.symbols, fs.loader
        self.listed, self.sum = fs.listed, fs.sum

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        return self._fs.scandir(path)

    def names(self, path: str) -> Names:
        """See `names_in`."""
        return names_in(self._fs, path)

    def below(self, path: str) -> Below | None:
        """See `files_below`."""
        return files_below(self._fs, path)

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`: of a script that only becomes executable, nothing is kept."""
        try:
            return self._fs.head(path)
        except NotKept:
            node = self.lstat(path)
            if node is None or node.size > MAX_SCRIPT:
                raise
            return self._content(path)

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        try:
            return self._fs.read(path)
        except NotKept:
            return self._content(path)
