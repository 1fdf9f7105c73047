"""One layer's own tree: what the layer alone would unpack to, with its whiteouts set apart.

Engines unpack a layer alone, and the kernel lays it over those below (OCI image layer specification,
"Applying Changesets"); so a link among a layer's parents is followed only where the same layer has it.
"""

from __future__ import annotations

from inspector import work
from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.entry import Entry
from inspector.rootfs import Kind, Node

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_RESERVED = ".wh..wh."  # AUFS's own files, which no engine shows
MAX_HOPS = 255
"""Links followed on the way to one parent directory."""
MAX_DEPTH = 1000
"""Directories within each other; only a chain of links, which each lead deeper, makes more than a few dozen."""
MAX_STEPS = 20_000_000
"""Names that are gone through on the ways to the parents of all entries of an image."""
_STEPS_A_CHECK = 10_000
MAX_IMPLIED = 200_000
"""Directories of an image that have entries in them and none of their own: a long path makes hundreds at once."""


class Directory:
    """A directory and what is in it; as part of a layer, also what it hides of the same directory below.

    `implied` marks one that has no entry of its own: it takes its attributes from the one below.
    """

    __slots__ = ("children", "implied", "node", "opaque", "whiteouts")

    def __init__(self, node: Node, *, implied: bool = False) -> None:
        self.node = node
        self.implied = implied
        self.children: dict[str, Directory | Node] = {}
        self.whiteouts: set[str] = set()
        self.opaque = False


def find(root: Directory, path: str) -> Directory | Node | None:
    """What stands at `path`, relative to `root`; None if nothing does. Links are not followed."""
    here: Directory | Node | None = root
    for name in path.split("/") if path else ():
        here = here.children.get(name) if isinstance(here, Directory) else None
    return here


class Allowance:
    """What the layers of one image may cost together. Raises `LimitExceeded` once it is used up."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._next_check = MAX_STEPS
        self._implied = MAX_IMPLIED

    def walk(self, names: int) -> None:
        """So many names of a path are gone through."""
        self._steps -= names
        if self._steps < self._next_check:
            self._next_check = self._steps - _STEPS_A_CHECK
            work.check()
        if self._steps < 0:
            raise LimitExceeded("its paths lead through more links and directories than any real image has")

    def imply(self) -> None:
        """A directory is made that has no entry of its own."""
        self._implied -= 1
        if self._implied < 0:
            raise LimitExceeded(f"more than {MAX_IMPLIED} directories that have no entry of their own")


class LayerTree:
    """The tree of the layer at position `layer`, from its entries in the order of the tar.

    `pending` lists hardlinks whose target is not in this layer, as (directory, name, target);
    `data` the bytes kept, by inode. Raises `CorruptLayer` for what no engine would unpack, `LimitExceeded`
    past what the `allowance` has left.
    """

    def __init__(self, entries: list[Entry], layer: int, allowance: Allowance | None = None) -> None:
        self.layer = layer
        self.allowance = allowance or Allowance()
        self.root = self._new_directory()
        self.data: dict[int, bytes] = {}
        self.pending: list[tuple[Directory, str, str]] = []
        self.warnings: list[str] = []
        self._directories: dict[str, Directory] = {"": self.root}
        self._aside: dict[str, Node] = {}
        for ordinal, entry in enumerate(entries):
            if not ordinal & 0xFFF:
                work.check()
            self._place(entry, layer << 32 | ordinal)
        for _, name, target in self.pending:
            self.allowance.walk(target.count("/") + 1)
            if find(self.root, target) is not None:
                raise CorruptLayer(f"the hardlink {name!r} stands before its target {target!r}")

    def _place(self, entry: Entry, inode: int) -> None:
        path = entry.path
        if path.startswith(WHITEOUT) or "/" + WHITEOUT in path:
            self._mark(entry, inode)
            return
        if not path:
            self._add_root(entry, inode)
            return
        parent_path, _, name = path.rpartition("/")
        parent = self._directories.get(parent_path) or self._make_parents(parent_path)
        if entry.kind is Kind.DIRECTORY:
            self._add_directory(parent, name, Node(Kind.DIRECTORY, entry.mode, 0, "", inode, self.layer))
        elif entry.kind is Kind.HARDLINK:
            self._link(parent, name, entry.link)
        else:
            self._add(parent, name, Node(entry.kind, entry.mode, entry.size, entry.link, inode, self.layer))
            if entry.data:
                self.data[inode] = entry.data

    def _add_root(self, entry: Entry, inode: int) -> None:
        if entry.kind is not Kind.DIRECTORY:
            raise CorruptLayer(f"the root is a {entry.kind.value}, not a directory")
        self.root.node = Node(Kind.DIRECTORY, entry.mode, 0, "", inode, self.layer)
        self.root.implied = False

    def _add(self, parent: Directory, name: str, node: Node) -> None:
        """The last entry of a name wins, and takes the place of all that was there."""
        old = parent.children.get(name)
        if old is not None:
            self._forget(old)
        parent.children[name] = node

    def _add_directory(self, parent: Directory, name: str, node: Node) -> None:
        old = parent.children.get(name)
        if isinstance(old, Directory):
            old.node, old.implied = node, False
            return
        if old is not None:
            self._forget(old)
        parent.children[name] = Directory(node)

    def _forget(self, old: Directory | Node) -> None:
        """Paths may have led through what is now replaced."""
        if isinstance(old, Directory) or old.kind is Kind.SYMLINK:
            self._directories = {"": self.root}

    def _link(self, parent: Directory, name: str, target: str) -> None:
        """A hardlink has the content that its target has now, whatever becomes of the target's name."""
        found = self._aside.get(target) or self._target(target)
        if isinstance(found, Directory):
            raise CorruptLayer(f"the hardlink {name!r} points to the directory {target!r}")
        if found is None:
            parent.children.pop(name, None)
            self.pending.append((parent, name, target))
        else:
            self._add(parent, name, found)

    def _mark(self, entry: Entry, inode: int) -> None:
        """Take in a whiteout, or put a reserved file aside, where hardlinks may still point to it."""
        parent_path, _, name = entry.path.rpartition("/")
        hidden = name.removeprefix(WHITEOUT)
        if name != OPAQUE and (_RESERVED in entry.path or not name.startswith(WHITEOUT)):
            if entry.kind is Kind.FILE:
                self._aside[entry.path] = Node(Kind.FILE, entry.mode, entry.size, "", inode, self.layer)
                self.data[inode] = entry.data
            return
        if hidden in ("", ".", ".."):
            self.warnings.append(f"the whiteout {entry.path!r} names nothing; it was ignored")
            return
        parent = self._directories.get(parent_path) or self._make_parents(parent_path)
        if name == OPAQUE:
            parent.opaque = True
        else:
            parent.whiteouts.add(hidden)

    def _target(self, path: str) -> Directory | Node | None:
        """What stands at `path` so far, with links of this layer among its parents followed."""
        parent_path, _, name = path.rpartition("/")
        parent = self._directories.get(parent_path) or self._enter(parent_path, make=False)
        return parent.children.get(name) if parent else None

    def _make_parents(self, path: str) -> Directory:
        """The directory at `path`, made where it is missing, and remembered."""
        found = self._directories[path] = self._enter(path, make=True) or self.root
        return found

    def _enter(self, path: str, *, make: bool) -> Directory | None:
        """The directory at `path`, links of this layer followed inside the root; missing ones made, or None."""
        todo = path.split("/")[::-1]
        self.allowance.walk(len(todo))
        above: list[Directory] = [self.root]
        hops = 0
        while todo:
            name = todo.pop()
            if name == "..":
                del above[max(1, len(above) - 1) :]
                continue
            child = above[-1].children.get(name)
            if isinstance(child, Node) and child.kind is Kind.SYMLINK and hops < MAX_HOPS:
                hops += 1
                if child.target.startswith("/"):
                    del above[1:]
                further = [part for part in reversed(child.target.split("/")) if part not in ("", ".")]
                self.allowance.walk(len(further) + 1)
                todo += further
                continue
            if not isinstance(child, Directory):
                if not make:
                    return None
                child = self._make(above[-1], name, child)
            above.append(child)
            if len(above) > MAX_DEPTH:
                raise LimitExceeded(f"directories within each other, more than {MAX_DEPTH} deep")
        return above[-1]

    def _make(self, parent: Directory, name: str, old: Node | None) -> Directory:
        if old is not None:
            self.warnings.append(f"{name!r} is a {old.kind.value}, and a directory with entries, in one layer")
            self._forget(old)
        self.allowance.imply()
        made = parent.children[name] = self._new_directory()
        return made

    def _new_directory(self) -> Directory:
        return Directory(Node(Kind.DIRECTORY, 0o755, 0, "", 0, self.layer), implied=True)
