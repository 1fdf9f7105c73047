"""The seam between layers and everything that asks about files: nodes, the protocol, link resolution."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.work import Budget

if TYPE_CHECKING:
    from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols

MAX_LINKS = 40
"""Links followed in one resolution before the kernel gives up with ELOOP (path_resolution(7))."""
MOUNTED = ("dev", "proc", "sys")
"""Directories of the root that every container gets anew: what an image has there, no program sees."""
MAX_STEPS = 4096
"""Names gone through in one resolution: forty links, each of the longest, come to twenty times as many."""


class Kind(enum.Enum):
    """What an entry is. HARDLINK occurs in layers only; merged, it is the FILE that it points to."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    CHAR = "char"
    BLOCK = "block"
    FIFO = "fifo"


CAPABILITY = "security.capability"
"""The extended attribute that gives a program rights of its own."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """One file as `lstat` shows it.

    `size` is in bytes, `mode` the permission bits. `target` is a link's text, or, where only engines tell, the path
    that it leads to in the end: `Rootfs.readlink` has the text. `inode` is equal for names
    of one content; `layer` is the position, from the base up, of the layer that holds this name. `capability` is the
    attribute `CAPABILITY` of a regular file, empty where it has none or nobody told.
    """

    kind: Kind
    mode: int
    size: int
    target: str = ""
    inode: int = 0
    layer: int | None = None
    uid: int = 0
    gid: int = 0
    capability: bytes = b""


class NotKept(InspectorError):
    """The file exists, but its bytes were not kept when its layer was read."""


class NotListed(InspectorError):
    """The directory exists, but what lies in it was not asked for: only single names can be looked up."""


class Rootfs(Protocol):
    """The root file system of an image. Paths are absolute, `/`-separated and free of `.` and `..`.

    Names that are no UTF-8 hold surrogates (PEP 383). No method follows a link, be it the last
    component or a parent: `resolve` does. `budget` is what may still be asked of the image.
    """

    budget: Budget

    def lstat(self, path: str) -> Node | None:
        """Return the node at `path`; None where there is none."""

    def scandir(self, path: str) -> Mapping[str, Node]:
        """Return the nodes in the directory `path` by name, unsorted; none where it is not a directory.

        Where listing is dear, single names can be asked for and iterating raises `NotListed`.
        """

    def readlink(self, path: str) -> str:
        """Return the text of the link `path`, as it was written. Raises `NotFound` where there is no link."""

    def read(self, path: str) -> bytes:
        """Return the whole content of the regular file `path`. Raises `NotKept`, `NotFound`."""

    def head(self, path: str) -> bytes:
        """Return the first bytes of an executable: its ELF header and loader, or its `#!` line. Raises as `read`."""

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """Return what a loader looks at of the regular file `path`, or why it refuses it.

        Raises `NotKept`, `NotFound`.
        """

    def symbols(self, path: str, *, whole: bool = False) -> Symbols:
        """Return the symbols of the ELF file `path`, by content as `skeleton`; unless `whole`, what is kept will do.

        Raises as `skeleton` does.
        """

    def loader(self, path: str) -> LoaderFacts:
        """Return what the regular file `path`, a loader (PT_INTERP), says of itself. Raises as `skeleton` does."""

    def listed(self, path: str) -> Listed:
        """Return the architectures that `path`, a library of torch, states: as text, or by its first kernels.

        Raises as `skeleton` does.
        """

    def sum(self, path: str) -> bytes:
        """Return the first 16 bytes of the SHA-256 sum of `path`, a Python source. Raises as `skeleton` does."""


Names = tuple[Iterable[str], Iterable[str]]
"""The names of the directories in a directory, and those of all else in it."""


def names_in(fs: Rootfs, path: str) -> Names:
    """Return the names of what lies in the directory `path`, unsorted; none where it is not a directory.

    A file system that can tell them without making nodes has a method `names` for that.
    """
    names: Callable[[str], Names] | None = getattr(fs, "names", None)
    if names is not None:
        return names(path)
    nodes = fs.scandir(path)
    directories = [name for name, node in nodes.items() if node.kind is Kind.DIRECTORY]
    return directories, nodes.keys() - set(directories)


def sums_in(fs: Rootfs, files: Mapping[str, Node]) -> Mapping[str, bytes | NotKept]:
    """Return the sum of each of the regular files, see `Rootfs.sum`, or why it is not known.

    A file system that can tell those of many at once has a method `sums` for that.
    """
    sums: Callable[[Mapping[str, Node]], Mapping[str, bytes | NotKept]] | None = getattr(fs, "sums", None)
    return {path: _sum(fs, path) for path in files} if sums is None else sums(files)


def _sum(fs: Rootfs, path: str) -> bytes | NotKept:
    try:
        return fs.sum(path)
    except NotKept as error:
        return error


class Below(Protocol):
    """The regular files in a directory and in those below it, no links followed: in the order of a walk.

    `folders` has their inodes by name, of each directory that has files by its path from the first one: empty, or with
    a slash at its end. `others` are the paths of links and devices. Nothing is to be changed.
    """

    folders: dict[str, dict[str, int]]
    others: list[str]

    @property
    def layers(self) -> frozenset[int]:
        """Return the positions of the layers that hold the names of the files."""

    @property
    def directories(self) -> Sequence[Node]:
        """Return one of all the directories, the top one among them, for each mode and owners that they have."""

    def node(self, path: str) -> Node | None:
        """Return the node of one of the files, by its path from the directory; None for other paths."""

    def sizes(self, inodes: Sequence[int]) -> list[int]:
        """Return the bytes of files by their inodes, in their order."""


def files_below(fs: Rootfs, path: str) -> Below | None:
    """Return all files below the directory `path`, whose links are followed already.

    None where it isn't one, has too many, or the file system can't tell them more cheaply than by `Rootfs.scandir`.
    """
    below: Callable[[str], Below | None] | None = getattr(fs, "below", None)
    return None if below is None else below(path)


def names_below(fs: Rootfs, path: str) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
    """Yield each directory at and below `path`, with the names of those in it and of all else, as in `names_in`.

    Links are not followed. Paths end with a slash.
    """
    below: Callable[[str], Iterator[tuple[str, Iterable[str], Iterable[str]]]] = getattr(
        fs, "names_below", lambda top: _walk_names(fs, top)
    )
    return below(path)


def _walk_names(fs: Rootfs, top: str) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
    todo = [top]
    while todo:
        here = todo.pop()
        prefix = f"{here.rstrip('/')}/"
        directories, others = names_in(fs, here)
        yield prefix, directories, others
        todo += [prefix + name for name in directories]


def resolve(fs: Rootfs, path: str, cwd: str = "/") -> str | None:
    """Return the path that `path` reaches with every link followed inside the root; None if dangling or looping.

    `..` is taken after links, as the kernel does, and stops at the root (path_resolution(7)). Raises
    `LimitExceeded` past `MAX_STEPS`, which only a path made for it comes to.
    """
    reached, there = follow_links(fs, path, cwd)
    return reached if there else None


def follow_links(fs: Rootfs, path: str, cwd: str = "/") -> tuple[str, bool]:
    """Return as `resolve`, and whether it leads anywhere; the first path on the way that doesn't, otherwise."""
    todo = _components(path if path.startswith("/") else f"{cwd}/{path}")
    done: list[str] = []
    hops = steps = 0
    while todo:
        steps += 1
        if steps > MAX_STEPS:
            raise LimitExceeded(f"{path[:200]!a} leads through more than {MAX_STEPS} names")
        name = todo.pop()
        if name == ".":
            continue
        if name == "..":
            del done[-1:]
            continue
        here = "/" + "/".join([*done, name])
        node = fs.lstat(here)
        if node is None:
            return here, False
        if node.kind is Kind.SYMLINK:
            hops += 1
            if hops > MAX_LINKS:
                return here, False
            if node.target.startswith("/"):
                done.clear()
            todo += _components(node.target)
            continue
        if todo and node.kind is not Kind.DIRECTORY:
            return here, False
        done.append(name)
    return "/" + "/".join(done), True


def stat(fs: Rootfs, path: str) -> Node | None:
    """Return the node that `path` reaches with links followed; None if dangling or looping."""
    resolved = resolve(fs, path)
    return None if resolved is None else fs.lstat(resolved)


def is_dir(fs: Rootfs, path: str) -> bool:
    """Tell whether `path` reaches a directory."""
    node = stat(fs, path)
    return node is not None and node.kind is Kind.DIRECTORY


def is_file(fs: Rootfs, path: str) -> bool:
    """Tell whether `path` reaches a regular file."""
    node = stat(fs, path)
    return node is not None and node.kind is Kind.FILE


def walk(fs: Rootfs, top: str = "/") -> Iterator[tuple[str, Mapping[str, Node]]]:
    """Yield each directory at and below `top`, before those in it, with its nodes by name; links are not followed."""
    todo = [top]
    while todo:
        path = todo.pop()
        nodes = fs.scandir(path)
        yield path, nodes
        prefix = path.rstrip("/")
        todo += [f"{prefix}/{name}" for name, node in nodes.items() if node.kind is Kind.DIRECTORY]


def tops(fs: Rootfs) -> tuple[str, ...]:
    """Return the directories below which all lies that the file system is asked about as a whole: the root of an image.

    Of a machine, only a part is gone through: what lies elsewhere is found by its name alone.
    """
    found: tuple[str, ...] = getattr(fs, "tops", ("/",))
    return found


def _components(path: str) -> list[str]:
    """Return the names in `path`, last first, without empty ones and `.`.

    One at the end stays: it asks for a directory.
    """
    names = [name for name in reversed(path.split("/")) if name not in ("", ".")]
    return [".", *names] if path.endswith(("/", "/.")) else names
