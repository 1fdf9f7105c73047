"""The bytes of an image as a tree: by layer, package, folder and file; bounded, whatever the image holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Part = Literal["image", "layer", "package", "folder", "file", "rest", "gone"]

MAX_FOLDERS = 50_000
"""Folders that are counted apart while an image is gone through; deeper ones then count for those above them."""
MAX_DEPTH = 16
MAX_CHILDREN = 60
"""Parts of one part that are named; the others are one `rest`."""
MAX_NODES = 3_000
SHARE = 2_000
"""Parts of the image below one in so many go into the `rest`."""
KEPT_SHARE = 20_000
"""Files below one in so many are never told apart."""


class SizeTree(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an image: its name, what it is, and its bytes, each content once.

    A `gone` part was replaced or deleted by later layers; a `rest` sums up parts too small to be named.
    """

    name: str
    kind: Part
    size: int
    files: int
    children: tuple[SizeTree, ...] = ()


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """The image's bytes by layer, the base first; and, each in more detail, its packages above one percent of it."""

    image: SizeTree
    packages: tuple[SizeTree, ...] = ()


class Folder:
    """A folder while files are being added: bytes and files at and below it, and its big files by name."""

    __slots__ = ("files", "folders", "kept", "size")

    def __init__(self) -> None:
        self.size = self.files = 0
        self.folders: dict[str, Folder] = {}
        self.kept: dict[str, int] = {}


class Forest:
    """Trees of folders by key, together no more than `MAX_FOLDERS` of them; files below `least` are not named."""

    def __init__(self, least: int) -> None:
        self.roots: dict[tuple[int, int], Folder] = {}
        self._least = max(least, 1)
        self._left = MAX_FOLDERS

    def way(self, key: tuple[int, int], parts: Sequence[str]) -> list[Folder]:
        """Return the folders from the root of a tree down to that of these names, made where they are not there."""
        folder = self.roots.get(key)
        if folder is None:
            folder = self.roots[key] = Folder()
        found = [folder]
        for name in parts[:MAX_DEPTH]:
            below = folder.folders.get(name)
            if below is None:
                if self._left <= 0:
                    break
                self._left -= 1
                below = folder.folders[name] = Folder()
            folder = below
            found.append(folder)
        return found

    def add(self, way: Iterable[Folder], name: str, size: int) -> None:
        """Count a file in all folders of its way."""
        folder: Folder | None = None
        for folder in way:
            folder.size += size
            folder.files += 1
        if folder is not None and size >= self._least:
            folder.kept[name] = folder.kept.get(name, 0) + size


class Pruner:
    """Makes values of folders: what is smaller than `least`, or past the number of nodes, goes into the rest."""

    def __init__(self, least: int, nodes: int = MAX_NODES) -> None:
        self._least = max(least, 1)
        self._left = nodes

    def tree(self, name: str, kind: Part, folders: Sequence[Folder]) -> SizeTree:
        """Return the part that several folders are together: one package in several layers."""
        size, files = sum(each.size for each in folders), sum(each.files for each in folders)
        return SizeTree(name=name, kind=kind, size=size, files=files, children=self.children(folders))

    def children(self, folders: Sequence[Folder]) -> tuple[SizeTree, ...]:
        """Return what lies in the folders, the biggest first."""
        named = sorted(_below(folders), key=lambda each: (-each[0], each[1]))
        taken: list[SizeTree] = []
        for size, name, below in named[:MAX_CHILDREN]:
            if size < self._least or self._left <= 0:
                break
            self._left -= 1
            taken.append(self._child(name, size, below))
        size = sum(each.size for each in folders) - sum(each.size for each in taken)
        if taken and size > 0:
            files = sum(each.files for each in folders) - sum(each.files for each in taken)
            taken.append(SizeTree(name="", kind="rest", size=size, files=max(files, 0)))
        return tuple(taken)

    def _child(self, name: str, size: int, below: Sequence[Folder]) -> SizeTree:
        if not below:
            return SizeTree(name=name, kind="file", size=size, files=1)
        while len(below) == 1 and len(below[0].folders) == 1 and not below[0].kept:  # `app/.venv/lib` in one
            ((next_name, folder),) = below[0].folders.items()
            if folder.files != below[0].files:
                break
            name, below = f"{name}/{next_name}", [folder]
        return self.tree(name, "folder", below)


def _below(folders: Sequence[Folder]) -> Iterable[tuple[int, str, list[Folder]]]:
    by_name: dict[str, list[Folder]] = {}
    files: dict[str, int] = {}
    for each in folders:
        for name, folder in each.folders.items():
            by_name.setdefault(name, []).append(folder)
        for name, size in each.kept.items():
            files[name] = files.get(name, 0) + size
    yield from ((sum(each.size for each in found), name, found) for name, found in by_name.items())
    yield from ((size, name, []) for name, size in files.items())
