"""All regular files below a directory of the merged tree at once: long lists of files are compared with that.

A node for each, by the listing of each directory, would take several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from inspector.layers.directories import ORDINAL, Directory, Shelf
from inspector.rootfs import Kind, Node

MAX_FILES, MAX_CHARACTERS = 100_000, 12 << 20
"""Files and directories, and characters of the paths of these, past which they are not told at once."""
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
        self.folders: dict[str, dict[str, int]] = {}
        self.others: list[str] = []
        self.count = 0
        self._shelf = shelf
        self._directories: list[Directory] = []
        self._linked: dict[tuple[str, str], int] = {}

    def fill(self, top: Directory) -> bool:
        """Take in the files below a directory; tell whether there are not too many."""
        numbers: list[int] = []
        characters = 0
        for prefix, here, files in walk_names(self._shelf, top, ""):
            self._directories.append(here)
            if files:
                self.folders[prefix] = files
                numbers += files.values()
            characters += len(prefix)
            self.count = len(numbers) + len(self._directories) + len(here.directories)
            if characters > MAX_CHARACTERS or self.count > MAX_FILES:
                return False
        odd = _odd_among(self._shelf, numbers)
        if odd:
            self.folders = {prefix: self._settled(prefix, files, odd) for prefix, files in self.folders.items()}
        return True

    def _settled(self, prefix: str, files: dict[str, int], odd: set[int]) -> dict[str, int]:
        """Return files without what is no regular one, hardlinks with the number of their content."""
        if odd.isdisjoint(files.values()):
            return files
        found = {}
        for name, number in files.items():
            if number not in odd:
                found[name] = number
            elif self._shelf.kind(number) is Kind.FILE:
                self._linked[prefix, name] = number
                found[name] = self._shelf.content(number)
            else:
                self.others.append(prefix + name)
        return found

    def node(self, path: str) -> Node | None:
        """See `Below.node`."""
        folder, slash, name = path.rpartition("/")
        prefix = folder + slash
        number = self.folders.get(prefix, {}).get(name)
        return None if number is None else self._shelf.node(self._linked.get((prefix, name), number))

    def sizes(self, inodes: Sequence[int]) -> list[int]:
        """See `Below.sizes`: mostly they are all of one layer."""
        layers = self._shelf.layers
        if len(inodes) > 1 and (first := min(inodes) >> 32) == max(inodes) >> 32:
            column, base = layers[first].sizes, first << 32
            return [column[inode - base] for inode in inodes]
        return [layers[inode >> 32].sizes[inode & ORDINAL] for inode in inodes]

    @cached_property
    def layers(self) -> frozenset[int]:
        """See `Below.layers`."""
        numbers = {number >> 32 for files in self.folders.values() for number in files.values()}
        return frozenset(numbers.union(number >> 32 for number in self._linked.values()))

    @cached_property
    def directories(self) -> Sequence[Node]:
        """See `Below.directories`: modes and owners are equal where they are of one layer and equal there."""
        layers = self._shelf.layers
        found: dict[tuple[int, int, int], Directory] = {}
        for each in self._directories:
            number = each.number
            if number < 0:
                found[-1, 0, 0] = each
            else:
                entries, at = layers[number >> 32], number & ORDINAL
                found[number >> 32, entries.owned[at], entries.modes[at]] = each
        return [self._shelf.node(each) for each in found.values()]


def _odd_among(shelf: Shelf, numbers: list[int]) -> set[int]:
    """Return the numbers of links, hardlinks and devices, which are few."""
    odd = {layer << 32 | found.start() for layer, each in shelf.layers.items() for found in _ODD.finditer(each.kinds)}
    return odd.intersection(numbers)
