"""Directories of layers and of the merged tree, held so that a million files fit into little memory.

A file is a number: the position of its layer, then that of its entry. What else is known of it stands in the columns
of the layer's entries.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from inspector import work
from inspector.errors import LimitExceeded
from inspector.layers.entries import CODES, KINDS, Entries
from inspector.rootfs import CAPABILITY, Kind, Node

MAX_DEPTH = 1000
"""Directories within each other; only a chain of links, which each lead deeper, makes more than a few dozen."""
MAX_STEPS = 20_000_000
"""Names that are gone through on the ways to the parents of all entries of an image."""
_STEPS_A_CHECK = 10_000
MAX_IMPLIED = 100_000
"""Directories of an image that have entries in them and none of their own: a long path makes hundreds at once."""
MAX_CROWD = 150_000
"""Files of one directory, past which it is refused: they are looked up by name all at once."""
MAX_OPEN = 50_000
"""Names of files held ready for lookups; of directories that were not asked for lately, only the numbers are held."""

UNBOUND = (1 << 64) - 1
"""The content of a hardlink whose target is not known yet."""

_FILE, _HARDLINK = CODES[Kind.FILE], CODES[Kind.HARDLINK]
ORDINAL = (1 << 32) - 1
"""The part of a number that is the position of an entry in its layer."""

_NONE = Entries()
_NO_NAMES: dict[str, Directory] = {}


class Marks:
    """What a directory of a layer hides of the same one below: all, or by name, with the position of the whiteout.

    `attribute` names the attribute that hides all, for engines that follow it.
    """

    __slots__ = ("attribute", "opaque", "whiteouts")

    def __init__(self) -> None:
        self.opaque = False
        self.attribute = ""
        self.whiteouts: dict[str, int] = {}


class Directory:
    """A directory and what is in it; as part of a layer, also what it hides.

    `number` is that of its entry; -1 marks one without, which takes its attributes from the one below. `files` are
    numbers by name, or packed; `Shelf.files` tells.
    """

    __slots__ = ("directories", "files", "layer", "marks", "number")

    def __init__(self, number: int, layer: int | None) -> None:
        self.number = number
        self.layer = layer
        self.directories: dict[str, Directory] = _NO_NAMES
        self.files: dict[str, int] | bytes = b""
        self.marks: Marks | None = None

    def mark(self) -> Marks:
        """Return its marks, made where there were none."""
        if self.marks is None:
            self.marks = Marks()
        return self.marks

    def add(self, name: str, child: Directory) -> None:
        """Take in a directory under a name that is free."""
        if self.directories is _NO_NAMES:
            self.directories = {}
        self.directories[name] = child


class Shelf:
    """The layers of one image: the entries of each by position, what hardlinks lead to, and the names in use.

    `walk` and `imply` count what all layers together may cost. Raises `LimitExceeded` once it is used up.
    """

    def __init__(self) -> None:
        self.layers: dict[int, Entries] = {}
        self.bound: dict[int, tuple[array[int], array[int]]] = {}
        self._steps = self._next_check = MAX_STEPS
        self._implied = MAX_IMPLIED
        self._open: list[Directory] = []
        self._left = MAX_OPEN

    def take(self, layer: int, entries: Entries) -> tuple[array[int], array[int]]:
        """Take in the entries of a layer; the positions of its hardlinks and their contents are to be filled in."""
        self.layers[layer] = entries
        self.bound[layer] = (array("I"), array("Q"))
        return self.bound[layer]

    def walk(self, names: int) -> None:
        """Count the names of a path that are gone through."""
        self._steps -= names
        if self._steps < self._next_check:
            self._next_check = self._steps - _STEPS_A_CHECK
            work.check()
        if self._steps < 0:
            raise LimitExceeded("its paths lead through more links and directories than any real image has")

    def imply(self) -> None:
        """Make a directory that has no entry of its own."""
        self._implied -= 1
        if self._implied < 0:
            raise LimitExceeded(f"more than {MAX_IMPLIED} directories that have no entry of their own")

    def files(self, directory: Directory) -> dict[str, int]:
        """Give the numbers of a directory's files by name, to be changed only by who calls `grown` for each new one."""
        files = directory.files
        if isinstance(files, dict):
            return files
        if files:
            return self._unpack(directory, files)
        directory.files = files = dict[str, int]()
        self._open.append(directory)
        return files

    def grown(self, directory: Directory, count: int) -> None:
        """Count names that were added to directories, the last one to this."""
        self._left -= count
        if self._left < 0:
            self._pack(directory)

    def move_files(self, source: Directory, target: Directory) -> None:
        """Give the files of one directory to another one, which has none."""
        target.files, source.files = source.files, b""
        if isinstance(target.files, dict):
            self._open.append(target)

    def _unpack(self, directory: Directory, packed: bytes) -> dict[str, int]:
        numbers = array("Q", packed)
        self.walk(len(numbers))
        self._left -= len(numbers)
        if self._left < 0:
            self._pack(directory)
        files = {self.name(number): number for number in numbers}
        directory.files = files
        self._open.append(directory)
        return files

    def _pack(self, keep: Directory) -> None:
        """Hold only the numbers of all directories but `keep`."""
        if len(keep.files) > MAX_CROWD * (1 if isinstance(keep.files, dict) else 8):
            raise LimitExceeded(f"more than {MAX_CROWD} files in one directory")
        for directory in self._open:
            if directory is not keep and isinstance(directory.files, dict):
                directory.files = array("Q", directory.files.values()).tobytes()
        self._open = [keep] if isinstance(keep.files, dict) else []
        self._left = MAX_OPEN

    def get(self, directory: Directory, name: str) -> Directory | int | None:
        """Return what has the name in the directory: a directory, the number of a file, or nothing."""
        found = directory.directories.get(name)
        return self.files(directory).get(name) if found is None else found

    def find(self, root: Directory, path: str) -> Directory | int | None:
        """Return what stands at `path`, relative to `root`; None if nothing does. Links are not followed."""
        here: Directory | int | None = root
        for name in path.split("/") if path else ():
            here = self.get(here, name) if isinstance(here, Directory) else None
        return here

    def listing(self, directory: Directory) -> dict[str, Node]:
        """Return the nodes of all that lies in a directory, by name.

        It is asked of all directories, so each call counts.
        """
        found = {name: self.node(child) for name, child in directory.directories.items()}
        file = Kind.FILE
        layer, entries = -1, _NONE
        for name, number in self.files(directory).items():
            if number >> 32 != layer:
                layer = number >> 32
                entries = self.layers[layer]
            at = number & ORDINAL
            if entries.kinds[at] == _FILE:
                uid, gid, attributes, _ = entries.owners[entries.owned[at]]
                if attributes:
                    found[name] = self.node(number)
                    continue
                found[name] = Node(file, entries.modes[at], entries.sizes[at], "", number, layer, uid, gid)
            else:
                found[name] = self.node(number)
        return found

    def name(self, number: int) -> str:
        """Return the last component of the path of an entry."""
        return self.layers[number >> 32].name(number & ORDINAL)

    def path(self, number: int) -> str:
        """Return the path of an entry, as its layer has it."""
        return self.layers[number >> 32].path(number & ORDINAL)

    def kind(self, number: int) -> Kind:
        """Return the kind of a file."""
        number = self.content(number)
        return KINDS[self.layers[number >> 32].kinds[number & ORDINAL]]

    def content(self, number: int) -> int:
        """Return the number of the entry that a file has its content from; `UNBOUND` where that is not known yet."""
        if self.layers[number >> 32].kinds[number & ORDINAL] != _HARDLINK:
            return number
        positions, contents = self.bound[number >> 32]
        return contents[bisect_left(positions, number & ORDINAL)]

    def data(self, number: int) -> bytes:
        """Return the bytes that were kept of a content."""
        entries = self.layers.get(number >> 32)
        return b"" if entries is None else entries.data.get(number & ORDINAL, b"")

    def node(self, child: Directory | int) -> Node:
        """Return a directory or file as `lstat` shows it."""
        if isinstance(child, int):
            return self._node(self.content(child), child >> 32)
        if child.number < 0:
            return Node(Kind.DIRECTORY, 0o755, 0, "", 0, child.layer)
        return self._node(child.number, child.layer)

    def _node(self, number: int, layer: int | None) -> Node:
        entries, ordinal = self.layers[number >> 32], number & ORDINAL
        kind = KINDS[entries.kinds[ordinal]]
        target = entries.link(ordinal) if kind is Kind.SYMLINK else ""
        uid, gid, attributes, _ = entries.owners[entries.owned[ordinal]]
        capability = dict(attributes).get(CAPABILITY, b"") if attributes else b""
        return Node(kind, entries.modes[ordinal], entries.sizes[ordinal], target, number, layer, uid, gid, capability)
