"""Directories that a walk has opened, and what lies in them, by columns: each call for each file counts."""

from __future__ import annotations

import os

import msgspec

Content = tuple[int, int]
"""A file of several names, by device and inode."""


class Below(msgspec.Struct):
    """A directory that was listed in its parent, and is yet to be entered."""

    path: str
    status: os.stat_result


class Opened(msgspec.Struct):
    """A directory that is open; `sites` says whether modules in it are of use, `sources` whether these are summed."""

    path: str
    status: os.stat_result
    descriptor: int
    sites: bool
    sources: bool


class Rows(msgspec.Struct):
    """What lies in some directories; `where` leads to the one among `opened` that holds each.

    `marks` are the paths of what hides files of lower layers, in a layer's terms.
    """

    opened: list[Opened] = []
    where: list[int] = []
    items: list[os.DirEntry[str]] = []
    statuses: list[os.stat_result] = []
    marks: dict[str, None] = {}

    def add(self, items: list[os.DirEntry[str]]) -> None:
        """Take in what lies in the directory that was opened last."""
        self.where += [len(self.opened) - 1] * len(items)
        self.items += items

    def leave_out(self, places: list[int]) -> None:
        """Leave out what is none of the layer's files."""
        for at in reversed(places):
            del self.where[at], self.items[at], self.statuses[at]

    def directory(self, at: int) -> Opened:
        """Return the directory that holds a file."""
        return self.opened[self.where[at]]

    def path(self, at: int) -> str:
        """Return the path of a file."""
        parent = self.opened[self.where[at]].path
        return f"{parent}/{self.items[at].name}" if parent else self.items[at].name


class Columns(msgspec.Struct):
    """What `Entries` hold of rows, and besides, by their places, what is kept of files and their sums."""

    homes: list[int]
    names: list[bytes]
    kinds: bytearray
    modes: list[int]
    sizes: list[int]
    owned: list[int]
    links: dict[int, bytes] = {}
    data: dict[int, bytes] = {}
    sums: dict[int, bytes] = {}
