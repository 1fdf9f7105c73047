"""The machine's own files as a `Rootfs`, so that answers can be compared with the interpreters that live there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from inspector.rootfs import Node, NotKept
from tests.loader.host import DirectoryRootfs


class HostRootfs(DirectoryRootfs):
    """The root of this machine, in which no link is followed; the head of a file is as short as an index keeps it."""

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        return super().lstat(path) if _is_plain(path.rpartition("/")[0]) else None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        return super().scandir(path) if _is_plain(path) else {}

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        with Path(path).open("rb") as file:
            head = file.read(4096)
        if head.startswith(b"\x7fELF"):
            return head[:1024]
        if head and not head.startswith(b"#!"):
            raise NotKept(f"{path!r}: no program")
        return head


def _is_plain(folder: str) -> bool:
    """Whether no link is passed on the way to a folder."""
    return os.path.realpath(folder or "/") == (folder or "/")
