"""Layers laid over each other, base first, into the root file system that a container would see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from inspector import work
from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols
from inspector.errors import CorruptLayer, InspectorError, LimitExceeded, NotFound, Unsupported
from inspector.layers import overlay
from inspector.layers.below import FilesBelow, walk_names
from inspector.layers.binaries import Binaries
from inspector.layers.contents import Contents
from inspector.layers.directories import ORDINAL, Directory, Shelf
from inspector.layers.entry import LayerIndex
from inspector.layers.tree import MAX_WARNINGS, LayerTree
from inspector.rootfs import Below, Kind, Names, Node, NotKept

_MAX_REMEMBERED = 20_000
_MAX_LISTED = 30_000  # nodes of directories that were listed lately, in case they are listed again
_MAX_UNCOUNTED = 500  # lookups before they are counted
_LISTED_AT_ONCE = 4  # names of a listing that cost as much as one lookup

Known = TypeVar("Known")


class MergedRootfs:
    """The merged tree as a `Rootfs`. `warnings` tells where engines would differ from what is shown here.

    Whatever is asked raises `LimitExceeded` once the `budget` is spent: every way to make questions endless, with
    links or with many names of one file, ends here.
    """

    def __init__(
        self,
        root: Directory,
        shelf: Shelf,
        warnings: Sequence[str],
        binaries: Sequence[Binaries] = (),
        *,
        budget: work.Budget | None,
    ) -> None:
        self._root = root
        self._binaries = binaries
        self._shelf = shelf
        self._directories: dict[str, Directory | None] = {"": root, "/": root}
        self._listed: dict[str, Mapping[str, Node]] = {}
        self._held = 0
        self._below: tuple[str, Below | None] = ("", None)
        self.budget = budget or work.Budget()
        self.warnings = tuple(warnings[:MAX_WARNINGS])

    def clear(self, names: Iterable[str]) -> None:
        """Leave out what lies in these directories of the root, before anything is asked."""
        for directory in filter(None, map(self._root.directories.get, names)):
            directory.directories, directory.files = {}, b""

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        parent, _, name = path.rpartition("/")
        if not name:
            return self._shelf.node(self._root)
        directory = self._directory(parent)
        child = self._shelf.get(directory, name) if directory else None
        return None if child is None else self._shelf.node(child)

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        found = self._listed.get(path)
        if found is None:
            directory = self._directory(path)
            found = self._shelf.listing(directory) if directory else {}
            self._remember(path, found)
        self._count(len(found) // _LISTED_AT_ONCE)
        return found

    def names(self, path: str) -> Names:
        """See `names_in`."""
        directory = self._directory(path)
        if directory is None:
            return (), ()
        files = self._shelf.files(directory)
        self._count((len(files) + len(directory.directories)) // _LISTED_AT_ONCE)
        return directory.directories.keys(), files.keys()

    def below(self, path: str) -> Below | None:
        """See `rootfs.files_below`: the last answer is held, which most who ask have in common."""
        if path != self._below[0]:
            self._below = "", None  # which makes room
            directory = self._directory(path)
            found = FilesBelow(self._shelf)
            whole = directory is not None and found.fill(directory)
            self._count(found.count // _LISTED_AT_ONCE)
            self._below = path, found if whole else None
        return self._below[1]

    def names_below(self, path: str) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        """See `rootfs.names_below`."""
        directory = self._directory(path)
        if directory is None:
            return
        seen = 0
        for prefix, here, files in walk_names(self._shelf, directory, f"{path.rstrip('/')}/"):
            seen += 1 + (len(files) + len(here.directories)) // _LISTED_AT_ONCE
            if seen > _MAX_UNCOUNTED:
                self._count(seen)
                seen = 0
            yield prefix, here.directories.keys(), files.keys()
        self._count(seen)

    def _remember(self, path: str, listing: Mapping[str, Node]) -> None:
        if len(listing) > _MAX_LISTED // 2:
            return
        self._held += len(listing) + 1
        if self._held > _MAX_LISTED:
            self._listed.clear()
            self._held = len(listing) + 1
        self._listed[path] = listing

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        node = self.lstat(path)
        if node is None or node.kind is not Kind.SYMLINK:
            raise NotFound(f"{path!r} is no symbolic link of the image")
        return node.target

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        node, data = self._content(path)
        self.budget.spend("bytes", len(data), "of files that are read whole")
        if len(data) < node.size:
            raise NotKept(f"{path!r}: of its {node.size} bytes {len(data)} were kept")
        return data

    def content(self, path: str, contents: Sequence[Contents | None]) -> bytes:
        """Return the whole content of a regular file, read again from the layer if it was not kept.

        Only what the user asks for by name is read in this way, so that all other answers are the same however a layer
        is had. Raises `NotKept`, `NotFound`.
        """
        node, data = self._content(path)
        if len(data) < node.size:
            layer = node.inode >> 32
            found = contents[layer] if layer < len(contents) else None
            if found is None:
                raise NotKept(f"{path!r}: its layer is not known")
            try:
                data = found.read(node.inode & ORDINAL)
            except NotKept as error:
                raise NotKept(f"{path!r}: {error}") from error
        self.budget.spend("bytes", len(data), "of files that are read whole")
        return data

    def modified(self, path: str, contents: Sequence[Contents | None]) -> int | None:
        """Return when a regular file was last written, in seconds; None where that isn't known. Raises `NotFound`."""
        node, _ = self._content(path)
        layer = node.inode >> 32
        found = contents[layer] if layer < len(contents) else None
        return None if found is None else found.modified(node.inode & ORDINAL)

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        node, data = self._content(path)
        if node.size and not data:
            raise NotKept(f"{path!r}: none of its {node.size} bytes were kept")
        return data

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """See `Rootfs.skeleton`."""
        return self._of_binary(path, Binaries.skeleton)

    def symbols(self, path: str, *, whole: bool = False) -> Symbols:
        """See `Rootfs.symbols`."""
        return self._of_binary(path, lambda binaries, position: binaries.symbols(position, whole=whole))

    def loader(self, path: str) -> LoaderFacts:
        """See `Rootfs.loader`."""
        return self._of_binary(path, Binaries.loader)

    def listed(self, path: str) -> Listed:
        """See `Rootfs.listed`."""
        return self._of_binary(path, lambda binaries, position: binaries.listed(position, path))

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        node, _ = self._content(path)
        found = self.sums({path: node})[path]
        if isinstance(found, NotKept):
            raise found
        return found

    def sums(self, files: Mapping[str, Node]) -> dict[str, bytes | NotKept]:
        """See `sums_in`."""
        layers: dict[int, list[int]] = {}
        for node in files.values():
            layers.setdefault(node.inode >> 32, []).append(node.inode & ORDINAL)
        self._count(len(files))
        known = {layer: self._sums_of(layer, positions) for layer, positions in layers.items()}
        return {path: _of_path(path, known[node.inode >> 32][node.inode & ORDINAL]) for path, node in files.items()}

    def _sums_of(self, layer: int, positions: list[int]) -> dict[int, bytes | NotKept]:
        if layer >= len(self._binaries):
            return dict.fromkeys(positions, NotKept("its layer is not known"))
        return self._binaries[layer].sums(positions)

    def _of_binary(self, path: str, ask: Callable[[Binaries, int], Known]) -> Known:
        node, _ = self._content(path)
        layer = node.inode >> 32
        if layer >= len(self._binaries):
            raise NotKept(f"{path!r}: its layer is not known")
        try:
            return ask(self._binaries[layer], node.inode & ORDINAL)
        except NotKept as error:
            raise NotKept(f"{path!r}: {error}") from error

    def _content(self, path: str) -> tuple[Node, bytes]:
        node = self.lstat(path)
        if node is None or node.kind is not Kind.FILE:
            raise NotFound(f"{path!r} is no regular file of the image")
        return node, self._shelf.data(node.inode)

    def _directory(self, path: str) -> Directory | None:
        if path in self._directories:
            self._count(1)
            return self._directories[path]
        parent, _, name = path.rpartition("/")
        above = self._directories.get(parent)
        self._count(1 if above else path.count("/") + 1)
        found = self._shelf.get(above, name) if above and name else self._shelf.find(self._root, path[1:])
        directory = found if isinstance(found, Directory) else None
        if len(self._directories) < _MAX_REMEMBERED:
            self._directories[path] = directory
        return directory

    def _count(self, lookups: int) -> None:
        self.budget.spend("steps", lookups, "names that are looked up")


def merge(
    indexes: Sequence[LayerIndex],
    binaries: Sequence[Binaries] = (),
    *,
    literal: bool = False,
    budget: work.Budget | None = None,
) -> MergedRootfs:
    """Lay layers over each other, base first: the whiteouts of each go before its entries, to lower layers only.

    `binaries` are the ELF files of each layer; without, they are what the indexes themselves know. With `literal`,
    names and attributes mean nothing beyond themselves, as in a whole root file system.

    Raises, naming the layer, `CorruptLayer` for what engines refuse, `Unsupported` for what they differ in, and
    `LimitExceeded`.
    """
    root, shelf = Directory(-1, None), Shelf()
    warnings: list[str] = []
    for position, index in enumerate(indexes):
        work.check()
        where = f"layer {position + 1} of {len(indexes)}"
        try:
            tree = LayerTree(index.entries, position, shelf, literal=literal)
            tree.bind(root)
            _lay_over(root, tree)
        except (CorruptLayer, Unsupported, LimitExceeded) as error:
            raise _placed(error, f"{where} ({index.diff_id})" if index.diff_id else where) from error
        told = [*tree.warnings, *index.warnings][:MAX_WARNINGS]
        prefix = "" if literal else f"{where}: "
        warnings += [prefix + text for text in told if len(warnings) < MAX_WARNINGS]
    return MergedRootfs(root, shelf, warnings, binaries or list(map(Binaries, indexes)), budget=budget)


def _of_path(path: str, found: bytes | NotKept) -> bytes | NotKept:
    return NotKept(f"{path!r}: {found}") if isinstance(found, NotKept) else found


def _placed(error: InspectorError, where: str) -> InspectorError:
    return type(error)(f"{where}: {error}")


def _lay_over(root: Directory, tree: LayerTree) -> None:
    """Lay a layer over `root`, in place; subtrees that only the layer has are taken over as they are."""
    shelf = tree.shelf
    todo = [(root, tree.root)]
    while todo:
        below, above = todo.pop()
        if above.marks is not None:
            _hide(below, above, tree)
        if above.number >= 0:
            below.number, below.layer = above.number, above.layer
        if not below.directories and not below.files:
            below.directories = above.directories
            shelf.move_files(above, below)
            continue
        todo += _add_directories(below, above, tree)
        if above.files:
            new, names = shelf.files(above), shelf.files(below)
            for name in new.keys() & below.directories.keys():
                del below.directories[name]
            names.update(new)
            shelf.grown(below, len(new))
            above.files = b""


def _add_directories(below: Directory, above: Directory, tree: LayerTree) -> list[tuple[Directory, Directory]]:
    """Take over the directories that only the layer has, and give those that both have, to be laid over each other."""
    both = []
    for name, child in above.directories.items():
        old = tree.shelf.get(below, name)
        if isinstance(old, Directory):
            both.append((old, child))
            continue
        if old is not None:
            del tree.shelf.files(below)[name]
            if child.number < 0:
                tree.warn(f"the directory {name!r} replaces a {tree.shelf.kind(old).value} of a lower layer")
        below.add(name, child)
    return both


def _hide(below: Directory, above: Directory, tree: LayerTree) -> None:
    """Remove what the marks of a layer's directory hide of the same one below."""
    marks, shelf = above.marks, tree.shelf
    assert marks is not None
    if marks.attribute and not marks.opaque and (below.directories or below.files):
        overlay.refuse_opaque(shelf.path(above.number), marks.attribute)
    if marks.opaque:
        below.directories, below.files = {}, b""
    for name, number in marks.whiteouts.items():
        old = shelf.get(below, name)
        child = shelf.get(above, name)
        if old is not None and shelf.name(number) == name:
            overlay.refuse_device(shelf.path(number))
        if isinstance(old, Directory) and isinstance(child, Directory):
            _refuse_again(old, child, shelf.path(number))
        if isinstance(old, Directory):
            del below.directories[name]
        elif old is not None:
            del shelf.files(below)[name]


def _refuse_again(below: Directory, above: Directory, whiteout: str) -> None:
    """Raise `Unsupported` where a directory is removed and made again, and it matters to what is in it."""
    opaque = above.marks is not None and above.marks.opaque
    if not opaque and (below.directories or below.files):
        raise Unsupported(
            f"{whiteout[:200]!a} removes a directory that the same layer makes again: engines with overlayfs show what "
            "lower layers have in it, others don't; build the layer again with an opaque mark in that directory"
        )
