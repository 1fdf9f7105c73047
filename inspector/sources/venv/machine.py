"""The files of this machine as a root file system, each looked at when it is asked for, and none before."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from inspector import elf, work
from inspector.errors import NotFound
from inspector.layers.retention import SCRIPT_HEAD, head_of
from inspector.layers.sums import sum_of
from inspector.rootfs import Kind, Node, NotKept, NotListed, resolve
from inspector.sources.below import DIRECTORY, KINDS, OPENED

MAX_CONTENT = 32 << 20
"""Bytes of a file that is read whole."""
MAX_BINARIES = 4000
"""Files whose ELF is looked into; `import torch` takes 50."""
_MAX_LISTED = 30_000  # nodes of directories that were listed lately, in case they are listed again
_LISTED_AT_ONCE = 4  # names of a listing that cost as much as one lookup

_SITES = ("/site-packages", "/dist-packages")

Found = TypeVar("Found")


class Machine:
    """The files of this machine, or those below its directory `root`, as a `Rootfs`.

    Only the directories `tops` are ever walked; everything else is asked for by name.

    `bytes_read` counts what was read of files. What this process may not see is not there, as for the Python that it
    would start; a directory that it may enter and not list raises `NotListed`.
    """

    def __init__(self, tops: tuple[str, ...], root: str = "") -> None:
        self.tops = tops
        self._root = root
        self.budget = work.Budget()
        self.bytes_read = 0
        self._listed: dict[str, Mapping[str, Node]] = {}
        self._held = 0
        self._left = MAX_BINARIES
        self._made: dict[tuple[str, int], object] = {}

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        self.budget.spend("steps", 1, "names that are looked up")
        try:
            return _node(os.lstat(self._root + path), lambda: os.readlink(self._root + path))  # noqa: PTH115 - a path costs more than the call
        except (OSError, ValueError):  # it is not there, or not for this user; or no file can have the name
            return None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`. Raises `NotListed`."""
        found = self._listed.get(path)
        if found is None:
            found = _listing(self._root + path)
            self._held += len(found) + 1
            if self._held > _MAX_LISTED:
                self._listed.clear()
                self._held = len(found) + 1
            self._listed[path] = found
        self.budget.spend("steps", 1 + len(found) // _LISTED_AT_ONCE, "names that are looked up")
        return found

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`."""
        node = self.lstat(path)
        if node is None or node.kind is not Kind.SYMLINK:
            raise NotFound(f"{path!r} is no symbolic link")
        return node.target

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        with self._opened(path) as (source, _):
            if source.size > MAX_CONTENT:
                raise NotKept(f"{path!r}: it has more than {MAX_CONTENT} bytes")
            self.budget.spend("bytes", source.size, "of files that are read whole")
            data = source.read_at(0, source.size)
            if len(data) < source.size:
                raise NotKept(f"{path!r} changed while it was read")
            return data

    def content(self, path: str) -> bytes:
        """Return the whole content of the file that `path` leads to. Raises `NotKept`, `NotFound`."""
        real = resolve(self, path)
        if real is None:
            raise NotFound(f"{path!r} leads to no file")
        return self.read(real)

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        with self._opened(path) as (source, _):
            return head_of(source.read_at(0, SCRIPT_HEAD), path)

    def skeleton(self, path: str) -> elf.Skeleton | elf.NotElf:
        """See `Rootfs.skeleton`."""
        return self._once("skeleton", path, elf.read_skeleton)

    def symbols(self, path: str, *, whole: bool = False) -> elf.Symbols:
        """See `Rootfs.symbols`."""
        del whole
        return self._once("symbols", path, elf.read_symbols)

    def loader(self, path: str) -> elf.LoaderFacts:
        """See `Rootfs.loader`."""
        return self._once(
            "loader", path, lambda source: elf.read_loader(source.read_at(0, source.size)), elf.MAX_LOADER
        )

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[elf.FilePart]:
        """Open the regular file `path` to be read at random. Raises `NotKept`, `NotFound`."""
        with self._opened(path) as (source, _):
            yield source

    def listed(self, path: str) -> elf.Listed:
        """See `Rootfs.listed`."""
        return self._once("listed", path, lambda source: elf.read_listed(source, path))

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        with self._opened(path) as (source, _):
            if source.size > MAX_CONTENT:
                raise NotKept(f"{path!r}: it has more than {MAX_CONTENT} bytes")
            return sum_of(source.read_at(0, source.size))

    def weight(self) -> int:
        """Return the bytes of all files below `tops`, each content once, of links' texts, and of what links lead to.

        Installers may link to a cache of theirs: each file, or a package as a whole in its site folder.
        """
        sizes: dict[int, int] = {}
        met: set[str] = set()
        todo = list(self.tops)
        while todo:
            here = todo.pop()
            if here in met:
                continue
            met.add(here)
            for name, node in self.scandir(here).items():
                path = f"{here.rstrip('/')}/{name}"
                is_link = node.kind is Kind.SYMLINK
                if is_link:
                    sizes[node.inode] = len(os.fsencode(node.target))
                    path = resolve(self, path) or path
                reached = self.lstat(path) if is_link else node
                if reached is None:
                    continue
                if reached.kind is Kind.FILE:
                    sizes[reached.inode] = reached.size
                elif reached.kind is Kind.DIRECTORY and (not is_link or here.endswith(_SITES)):
                    todo.append(path)
        return sum(sizes.values())

    def _once(self, what: str, path: str, make: Callable[[elf.FilePart], Found], most: int | None = None) -> Found:
        """Return what `make` reads of a file, which is read once under all its names. Raises `NotKept`, `NotFound`."""
        with self._opened(path) as (source, inode):
            key = (what, inode)
            if key not in self._made:
                self._left -= 1
                if self._left < 0 or (most is not None and source.size > most):
                    raise NotKept(f"{path!r}: too large, or one of more than {MAX_BINARIES} files that were asked for")
                self._made[key] = make(source)
            found: Found = self._made[key]  # type: ignore[assignment]
            return found

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[tuple[elf.FilePart, int]]:
        """Open a regular file, no link followed at its end, and give its identity. Raises `NotKept`, `NotFound`."""
        work.check()
        node = self.lstat(path)
        if node is None or node.kind is not Kind.FILE:
            raise NotFound(f"{path!r} is no regular file")
        try:
            with open(os.open(self._root + path, OPENED), "rb", buffering=0) as file:  # noqa: PTH123 - no link is followed
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise NotKept(f"{path!r} changed while it was read")
                source = elf.FilePart(file, 0, status.st_size)
                try:
                    yield source, _identity(status)
                finally:
                    self.bytes_read += source.bytes_read
        except OSError as error:
            raise NotKept(f"{path!r} can't be read: {error.strerror or error}") from error


def _listing(path: str) -> dict[str, Node]:
    """List a directory; empty where there is none, or it is not for this user."""
    work.check()
    try:
        descriptor = os.open(path, DIRECTORY)
    except PermissionError as error:
        raise NotListed(f"{path!r} can't be listed: {error.strerror}") from error
    except (OSError, ValueError):
        return {}
    found = {}
    try:
        with os.scandir(descriptor) as items:
            for item in items:
                with contextlib.suppress(FileNotFoundError):  # it went away meanwhile
                    node = _node(item.stat(follow_symlinks=False), lambda: os.readlink(item.name, dir_fd=descriptor))  # noqa: B023 - called at once
                    if node is not None:
                        found[item.name] = node
    except OSError as error:
        raise NotListed(f"{path!r} can't be listed: {error.strerror or error}") from error
    finally:
        os.close(descriptor)
    return found


def _node(status: os.stat_result, target: Callable[[], str]) -> Node | None:
    """Return the node for a status; None for a socket."""
    kind = KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    return Node(
        kind,
        status.st_mode & 0o7777,
        status.st_size if kind is Kind.FILE else 0,
        target() if kind is Kind.SYMLINK else "",
        _identity(status),
        0,
        status.st_uid,
        status.st_gid,
    )


def _identity(status: os.stat_result) -> int:
    """Return a number that is equal for names of one content."""
    return status.st_dev << 64 | status.st_ino
