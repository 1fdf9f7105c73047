"""Directories that a walk has opened, and what lies in them, by columns: each call for each file counts."""

from __future__ import annotations

import os
import stat
from itertools import compress
from operator import itemgetter

import msgspec

from inspector.layers.entries import CODES
from inspector.sources.below import KINDS

_CODES = {bits: CODES[kind] for bits, kind in KINDS.items()}
_MODE = itemgetter(0)  # quicker than by its name

Content = tuple[int, int]
"""A file of several names, by device and inode."""


class Below(msgspec.Struct):
    """A directory that was listed in its parent, and is yet to be entered."""

    path: str
    status: os.stat_result


class Opened(msgspec.Struct):
    """A directory that is open; `sites` says whether modules in it are of use."""

    path: str
    status: os.stat_result
    descriptor: int
    sites: bool


class Rows(msgspec.Struct):
    """What lies in some directories; `where` leads to the one among `opened` that holds each.

    `kinds` are as in `Entries`, 0 for what no layer has. `marks` are the paths of what hides files of lower layers, in
    a layer's terms.
    """

    opened: list[Opened] = []
    where: list[int] = []
    items: list[os.DirEntry[str]] = []
    names: list[str] = []
    statuses: list[os.stat_result] = []
    kinds: bytearray = msgspec.field(default_factory=bytearray)
    marks: dict[str, None] = {}

    def add(self, items: list[os.DirEntry[str]]) -> None:
        """Take in what lies in the directory that was opened last."""
        self.where += [len(self.opened) - 1] * len(items)
        self.items += items

    def look(self) -> None:
        """Ask the system for the status of each, and note what it is."""
        self.names = [item.name for item in self.items]
        self.statuses = [item.stat(follow_symlinks=False) for item in self.items]
        modes = [*map(_MODE, self.statuses)]
        codes = {mode: _CODES.get(stat.S_IFMT(mode), 0) for mode in {*modes}}  # few modes differ
        self.kinds = bytearray(map(codes.__getitem__, modes))

    def places(self, kind: int) -> list[int]:
        """Return the places of all that are of a kind."""
        return [at for at, each in enumerate(self.kinds) if each == kind] if kind in self.kinds else []

    def named(self, prefix: str) -> list[int]:
        """Return the places of all whose names begin in that way."""
        if prefix not in "/".join(self.names):
            return []
        return [at for at, name in enumerate(self.names) if name.startswith(prefix)]

    def leave_out(self, places: list[int]) -> None:
        """Leave out what does not belong to the layer: a directory may hold a hundred thousand of them."""
        if not places:
            return
        stays = bytearray(b"\1" * len(self.kinds))
        for at in places:
            stays[at] = 0
        self.where, self.items = [*compress(self.where, stays)], [*compress(self.items, stays)]
        self.names, self.statuses = [*compress(self.names, stays)], [*compress(self.statuses, stays)]
        self.kinds = bytearray(compress(self.kinds, stays))

    def directory(self, at: int) -> Opened:
        """Return the directory that holds a file."""
        return self.opened[self.where[at]]

    def path(self, at: int) -> str:
        """Return the path of a file."""
        parent = self.opened[self.where[at]].path
        return f"{parent}/{self.names[at]}" if parent else self.names[at]


class Columns(msgspec.Struct):
    """What `Entries` hold of rows, and besides, by their places, what is kept of files."""

    homes: list[int]
    names: list[bytes]
    kinds: bytearray
    modes: list[int]
    sizes: list[int]
    owned: list[int]
    links: dict[int, bytes] = {}
    data: dict[int, bytes] = {}
