"""A root file system whose every file can be read: what no index keeps is read of the layers again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector.rootfs import Names, Node, NotKept, Rootfs, names_in

ReadContent = Callable[[str], bytes]
"""What reads any file of an image."""


class WholeRootfs:
    """A `Rootfs` that asks `content` for the files that are not kept."""

    def __init__(self, fs: Rootfs, content: ReadContent) -> None:
        self._fs, self._content = fs, content
        self.budget = fs.budget
        self.lstat, self.readlink, self.head = fs.lstat, fs.readlink, fs.head
        self.skeleton, self.symbols, self.loader = fs.skeleton, fs.symbols, fs.loader
        self.listed, self.sum = fs.listed, fs.sum

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        return self._fs.scandir(path)

    def names(self, path: str) -> Names:
        """See `names_in`."""
        return names_in(self._fs, path)

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        try:
            return self._fs.read(path)
        except NotKept:
            return self._content(path)
