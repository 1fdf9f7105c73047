"""The image's files as scripts leave them: what is surely removed, made or moved before a Python starts."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import NotFound
from inspector.python.files import upward
from inspector.rootfs import Kind, Node, NotKept, Rootfs, resolve

if TYPE_CHECKING:
    from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols


class Placed(msgspec.Struct, frozen=True):
    """What is at a path now: what the image has at `origin`, or `data`; with a `node` in place of the image's.

    Without any of them, it was removed.
    """

    node: Node | None = None
    data: bytes = b""
    origin: str = ""


Laid = Mapping[str, Placed]
"""By path, without links in its folders: the nearest one above a path says what is there."""
REMOVED = Placed()


def reached(laid: Laid, path: str) -> Placed:
    """Return what is at a path; an `origin` where it is the image's, at that very path or elsewhere."""
    for above in upward(path):
        placed = laid.get(above)
        if placed is not None:
            rest = path[len(above) :]
            if not rest:
                return placed
            return Placed(origin=placed.origin + rest) if placed.origin else REMOVED
    return Placed(origin=path)


def with_placed(laid: Laid, path: str, placed: Placed) -> Laid:
    """Return the files with something else at `path`, and nothing of what was below it."""
    kept = {each: other for each, other in laid.items() if each != path and not each.startswith(f"{path}/")}
    return {**kept, path: placed}


def copied(laid: Laid, source: str, target: str) -> Laid:
    """Return the files with those at and below `source` at `target` too."""
    below = {path: placed for path, placed in laid.items() if path.startswith(f"{source}/")}
    found = with_placed(laid, target, reached(laid, source))
    return {**found, **{target + path[len(source) :]: placed for path, placed in below.items()}}


def laid_over(fs: Rootfs, laid: Laid) -> Rootfs:
    """Return the file system as it is after the changes."""
    return LaidRootfs(fs, laid) if laid else fs


class LaidRootfs:
    """A `Rootfs` with changes laid over it."""

    def __init__(self, fs: Rootfs, laid: Laid) -> None:
        self._fs, self._laid = fs, laid
        self.budget = fs.budget

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        placed = reached(self._laid, path)
        return self._fs.lstat(placed.origin) if placed.origin and placed.node is None else placed.node

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        node = self.lstat(path)
        if node is None or node.kind is not Kind.DIRECTORY:
            return {}
        origin = reached(self._laid, path).origin
        nodes = self._fs.scandir(origin) if origin else {}
        here = {posixpath.basename(each) for each in self._laid if posixpath.dirname(each) == path}
        if not here:
            return nodes
        found = {name: each for name, each in nodes.items() if name not in here}
        return found | {name: each for name in here if (each := self.lstat(posixpath.join(path, name))) is not None}

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        placed = reached(self._laid, path)
        if placed.origin:
            return self._fs.readlink(placed.origin)
        if placed.node is None or placed.node.kind is not Kind.SYMLINK:
            raise NotFound(f"{path!r} is no link")
        return placed.node.target

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        origin, data = self._content(path)
        return self._fs.read(origin) if origin else data

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        origin, data = self._content(path)
        return self._fs.head(origin) if origin else data

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        origin, data = self._content(path)
        return self._fs.sum(origin) if origin else hashlib.sha256(data).digest()[:16]

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """See `Rootfs.skeleton`."""
        return self._fs.skeleton(self._kept(path))

    def symbols(self, path: str, *, whole: bool = False) -> Symbols:
        """See `Rootfs.symbols`."""
        return self._fs.symbols(self._kept(path), whole=whole)

    def loader(self, path: str) -> LoaderFacts:
        """See `Rootfs.loader`."""
        return self._fs.loader(self._kept(path))

    def listed(self, path: str) -> Listed:
        """See `Rootfs.listed`."""
        return self._fs.listed(self._kept(path))

    def _content(self, path: str) -> tuple[str, bytes]:
        """Return where the image has a file's bytes, or the bytes. Raises `NotFound`."""
        placed = reached(self._laid, path)
        if not placed.origin and (placed.node is None or placed.node.kind is not Kind.FILE):
            raise NotFound(f"{path!r} is no file when it is read")
        return placed.origin, placed.data

    def _kept(self, path: str) -> str:
        """Return where the image has a file's bytes. Raises `NotFound`, `NotKept`."""
        origin, _ = self._content(path)
        if not origin:
            raise NotKept(f"{path!r} is written by a script")
        return origin


class LaidReader:
    """What reads any file of an image with changes laid over it; `content` reads the image's."""

    def __init__(self, fs: Rootfs, laid: Laid, content: Callable[[str], bytes]) -> None:
        self._fs, self._laid, self._content = LaidRootfs(fs, laid), laid, content

    def __call__(self, path: str) -> bytes:
        """Return a file's bytes. Raises `NotKept`, `NotFound`."""
        placed = self._placed(path)
        return self._content(placed.origin) if placed.origin else placed.data

    def modified(self, path: str) -> int | None:
        """Return when a file was last written, in seconds; None where that isn't known."""
        origin = self._placed(path).origin
        modified: Callable[[str], int | None] = getattr(self._content, "modified", lambda _: None)
        return modified(origin) if origin else None

    def _placed(self, path: str) -> Placed:
        real = resolve(self._fs, path)
        if real is None:
            raise NotFound(f"{path!r} leads to no file")
        return reached(self._laid, real)
