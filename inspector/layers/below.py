"""All regular files below a directory of the merged tree at once: long lists of files are compared with that.

A node for each, by the listing of each directory, would take several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from inspector.layers.directories import ORDINAL, Directory, Shelf
from inspector.rootfs import Kind, Node

MAX_FILES, MAX_CHARACTERS = 100_000, 12 << 20
"""Files, and characters of their paths, past which they are not held."""
_ODD = re.compile(rb"[^fd]")


def walk_names(shelf: Shelf, top: Directory, path: str) -> Iterator[tuple[str, Directory, dict[str, int]]]:
    """Yield each directory at and below `top`, by its path from `path`, with its files: the last one found first."""
    todo = [(path, top)]
    while todo:
        prefix, here = todo.pop()
        yield prefix, here, shelf.files(here)
        if here.directories:
            todo += [(f"{prefix}{name}/", child) for name, child in here.directories.items()]


class FilesBelow:
    """See `rootfs.Below`."""

    def __init__(self, shelf: Shelf) -> None:
        self.inodes: dict[str, int] = {}
        self.folders: dict[str, dict[str, int]] = {}
        self.others: list[str] = []
        self._shelf = shelf
        self._directories: list[Directory] = []
        self._linked: dict[str, int] = {}

    def fill(self, top: Directory) -> bool:
        """Take in the files below a directory; tell whether there are not too many."""
        paths: list[str] = []
        numbers: list[int] = []
        characters = 0
        for prefix, here, files in walk_names(self._shelf, top, ""):
            self._directories.append(here)
            if files:
                self.folders[prefix] = files
                paths += [prefix + name for name in files]
                numbers += files.values()
            characters += len(prefix) * (len(files) + len(here.directories))
            if characters > MAX_CHARACTERS or len(paths) + len(here.directories) + len(self._directories) > MAX_FILES:
                return False
        self.inodes = dict(zip(paths, numbers, strict=True))
        self._settle(_odd_among(self._shelf, numbers))
        return True

    def _settle(self, odd: set[int]) -> None:
        """Take out what is no regular file, and give hardlinks the number of their content."""
        for path in [path for path, number in self.inodes.items() if number in odd] if odd else ():
            folder, slash, name = path.rpartition("/")
            files = self.folders[folder + slash] = dict(self.folders[folder + slash])
            del files[name]
            number = self.inodes.pop(path)
            if self._shelf.kind(number) is Kind.FILE:
                self._linked[path] = number
                self.inodes[path] = files[name] = self._shelf.content(number)
            else:
                self.others.append(path)

    def node(self, path: str) -> Node | None:
        """See `Below.node`."""
        number = self._linked.get(path) or self.inodes.get(path)
        return None if number is None else self._shelf.node(number)

    def sizes(self, inodes: Collection[int]) -> list[int]:
        """See `Below.sizes`: mostly they are all of one layer."""
        layers = self._shelf.layers
        first = min(inodes, default=0) >> 32
        if inodes and max(inodes) >> 32 == first:
            column, base = layers[first].sizes, first << 32
            return [column[inode - base] for inode in inodes]
        columns = {layer: entries.sizes for layer, entries in layers.items()}
        return [columns[inode >> 32][inode & ORDINAL] for inode in inodes]

    @cached_property
    def layers(self) -> frozenset[int]:
        """See `Below.layers`."""
        return frozenset(
            number >> 32 for numbers in (self.inodes.values(), self._linked.values()) for number in numbers
        )

    @cached_property
    def directories(self) -> Sequence[Node]:
        """See `Below.directories`."""
        return [self._shelf.node(each) for each in {self._rights(each): each for each in self._directories}.values()]

    def _rights(self, directory: Directory) -> tuple[int, int, int]:
        """Return what is equal where mode and owners are."""
        if directory.number < 0:
            return -1, 0, 0
        layer, at = directory.number >> 32, directory.number & ORDINAL
        entries = self._shelf.layers[layer]
        return layer, entries.owned[at], entries.modes[at]


def _odd_among(shelf: Shelf, numbers: list[int]) -> set[int]:
    """Return the numbers of links, hardlinks and devices, which are few."""
    odd = {layer << 32 | found.start() for layer, each in shelf.layers.items() for found in _ODD.finditer(each.kinds)}
    return odd.intersection(numbers)
