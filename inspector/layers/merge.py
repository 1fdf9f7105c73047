"""Layers laid over each other, base first, into the root file system that a container would see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from inspector import work
from inspector.errors import CorruptLayer, LimitExceeded, NotFound
from inspector.layers.entry import LayerIndex
from inspector.layers.tree import Allowance, Directory, LayerTree, find
from inspector.rootfs import Kind, Node, NotKept

MAX_WARNINGS = 50
"""Warnings told of one merge; hostile layers could make millions."""
MAX_LOOKUPS = 5_000_000
"""Names that one image is asked for; one of 6 GB and 42,000 files is asked for 60,000."""
MAX_READ = 128 << 20
"""Bytes of files that are read of one image, that of 6 GB takes 7 MB; one content may have many thousand names."""
_MAX_REMEMBERED = 50_000
_LOOKUPS_A_CHECK = 1000
_LISTED_AT_ONCE = 4  # names of a listing that cost as much as one lookup


class MergedRootfs:
    """The merged tree as a `Rootfs`. `warnings` tells where engines would differ from what is shown here.

    Whatever is asked raises `LimitExceeded` once there were more questions than an image can be worth: every
    way to make them endless, with links or with many names of one file, ends here.
    """

    def __init__(self, root: Directory, data: Mapping[int, bytes], warnings: Sequence[str]) -> None:
        self._root = root
        self._data = data
        self._directories: dict[str, Directory | None] = {"": root, "/": root}
        self._lookups = MAX_LOOKUPS
        self._next_check = MAX_LOOKUPS
        self._bytes = MAX_READ
        self.warnings = tuple(warnings[:MAX_WARNINGS])

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        parent, _, name = path.rpartition("/")
        if not name:
            return self._root.node
        directory = self._directory(parent)
        child = directory.children.get(name) if directory else None
        return child.node if isinstance(child, Directory) else child

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        directory = self._directory(path)
        if directory is None:
            return {}
        self._count(len(directory.children) // _LISTED_AT_ONCE)
        return {
            name: child.node if isinstance(child, Directory) else child for name, child in directory.children.items()
        }

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        node = self.lstat(path)
        if node is None or node.kind is not Kind.SYMLINK:
            raise NotFound(f"{path!r} is no symbolic link of the image")
        return node.target

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        node, data = self._content(path)
        self._bytes -= len(data)
        if self._bytes < 0:
            self._lookups = 0  # whoever takes this for one unreadable file alone gets no further
            raise LimitExceeded(f"the files that matter are more than {MAX_READ} bytes to read")
        if len(data) < node.size:
            raise NotKept(f"{path!r}: of its {node.size} bytes {len(data)} were kept")
        return data

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        node, data = self._content(path)
        if node.size and not data:
            raise NotKept(f"{path!r}: none of its {node.size} bytes were kept")
        return data

    def _content(self, path: str) -> tuple[Node, bytes]:
        node = self.lstat(path)
        if node is None or node.kind is not Kind.FILE:
            raise NotFound(f"{path!r} is no regular file of the image")
        return node, self._data.get(node.inode, b"")

    def _directory(self, path: str) -> Directory | None:
        if path in self._directories:
            self._count(1)
            return self._directories[path]
        self._count(path.count("/") + 1)
        found = find(self._root, path[1:])
        directory = found if isinstance(found, Directory) else None
        if len(self._directories) < _MAX_REMEMBERED:
            self._directories[path] = directory
        return directory

    def _count(self, lookups: int) -> None:
        self._lookups -= lookups
        if self._lookups < self._next_check:
            self._next_check = self._lookups - _LOOKUPS_A_CHECK
            work.check()
        if self._lookups < 0:
            raise LimitExceeded(f"the image takes more than {MAX_LOOKUPS} lookups: its links or lists are made to")


def merge(indexes: Sequence[LayerIndex]) -> MergedRootfs:
    """The root file system of layers, base first: the whiteouts of each go before its entries, to lower layers only.

    Raises `CorruptLayer`, naming the layer, for what every engine refuses, and `LimitExceeded` alike.
    """
    root = Directory(Node(Kind.DIRECTORY, 0o755, 0))
    data: dict[int, bytes] = {}
    warnings: list[str] = []
    allowance = Allowance()
    for position, index in enumerate(indexes):
        work.check()
        told = len(warnings)
        try:
            tree = LayerTree(index.entries, position, allowance)
            _bind_hardlinks(tree, root, warnings)
        except (CorruptLayer, LimitExceeded) as error:
            raise type(error)(f"layer {position + 1} of {len(indexes)} ({index.diff_id}): {error}") from error
        warnings += tree.warnings + list(index.warnings)
        _lay_over(root, tree.root, warnings)
        warnings[told:] = [f"layer {position + 1} of {len(indexes)}: {text}" for text in warnings[told:]][:MAX_WARNINGS]
        data |= tree.data
    return MergedRootfs(root, data, warnings)


def _bind_hardlinks(tree: LayerTree, lower: Directory, warnings: list[str]) -> None:
    """Give hardlinks to files of lower layers the content that these have there."""
    for directory, name, target in tree.pending:
        tree.allowance.walk(target.count("/") + 1)
        found = find(tree.root, target) or find(lower, target)  # in the layer itself: a link bound just before
        if not isinstance(found, Node):
            raise CorruptLayer(f"the hardlink {name!r} points to {target!r}, which is no file")
        directory.children[name] = structs.replace(found, layer=tree.layer)
        warnings.append(f"the hardlink {name!r} points into a lower layer ({target!r}); some engines refuse that")


def _lay_over(lower: Directory, upper: Directory, warnings: list[str]) -> None:
    """Lay `upper` over `lower`, in place; subtrees that only `upper` has are taken over as they are."""
    todo = [(lower, upper)]
    while todo:
        below, above = todo.pop()
        if above.opaque:
            below.children.clear()
        for name in above.whiteouts:
            below.children.pop(name, None)
            if name in above.children:
                warnings.append(f"{name!r} is removed and made anew in one layer; some engines keep what was below")
        if not above.implied:
            below.node = above.node
        for name, child in above.children.items():
            old = below.children.get(name)
            if not isinstance(child, Directory):
                below.children[name] = child
            elif isinstance(old, Directory):
                todo.append((old, child))
            else:
                if old is not None and child.implied:
                    warnings.append(f"the directory {name!r} replaces a {old.kind.value} of a lower layer")
                below.children[name] = child
