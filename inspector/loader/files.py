"""Files as the kernel opens them for a user: links, `..`, and the right to search each directory on the way."""

from __future__ import annotations

import errno

from inspector import work
from inspector.errors import LimitExceeded
from inspector.loader.model import EXECUTE, READ, SEARCH, Rights
from inspector.rootfs import MAX_LINKS, MAX_STEPS, Kind, Node, Rootfs

MAX_PATH = 4095
MAX_NAME = 255
MAX_OPENED = 50_000
"""Names that one request may look at; that of the largest torch takes some thousand."""
_REMEMBERED = 4096


class SystemRefuses(Exception):
    """An open or a look-up that the kernel refuses, with the number of the error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Files:
    """Look-ups in a root file system by one user, those of directories remembered."""

    def __init__(self, fs: Rootfs, rights: Rights, cwd: str) -> None:
        self._fs = fs
        self._rights = rights
        self._cwd = cwd
        self._directories: dict[str, str | None] = {}
        self._opened = 0

    def renew(self) -> None:
        """Begin a request: its look-ups are counted from here."""
        self._opened = 0

    def absolute(self, path: str) -> str:
        """Return a path from the root on, otherwise as it is written."""
        return path if path.startswith("/") else f"{self._cwd.rstrip('/')}/{path}"

    def open(self, path: str) -> tuple[str, Node]:
        """Return the path without links, and the node, of what the user may read. Raises `SystemRefuses`."""
        if not path:
            raise SystemRefuses(errno.ENOENT)
        real, node = self._walk(path)
        if not self._rights.allow(node, READ):
            raise SystemRefuses(errno.EACCES)
        return real, node

    def execute(self, path: str) -> tuple[str, Node]:
        """Return the same of what the user may execute; root, what anybody may. Raises `SystemRefuses`."""
        real, node = self._walk(path)
        if not self._rights.allow(node, EXECUTE) or not node.mode & 0o111:
            raise SystemRefuses(errno.EACCES)
        return real, node

    def open_in(self, directory: str, name: str) -> tuple[str, Node]:
        """Open the plain `name` in a directory that `directory` returned. Raises `SystemRefuses`."""
        self._count()
        if len(name) > MAX_NAME:
            raise SystemRefuses(errno.ENAMETOOLONG)
        parent = self._fs.lstat(directory)
        if parent is None or not self._rights.allow(parent, SEARCH):
            raise SystemRefuses(errno.EACCES)
        path = f"{directory.rstrip('/')}/{name}"
        node = self._fs.lstat(path)
        if node is None:
            raise SystemRefuses(errno.ENOENT)
        if node.kind is Kind.SYMLINK:
            return self.open(path)
        if not self._rights.allow(node, READ):
            raise SystemRefuses(errno.EACCES)
        return path, node

    def directory(self, path: str) -> str | None:
        """Return a directory's path without links; None where there is none that the user reaches."""
        if path not in self._directories:
            if len(self._directories) > _REMEMBERED:
                self._directories.clear()
            try:
                real, node = self._walk(path)
            except SystemRefuses:
                self._directories[path] = None
            else:
                self._directories[path] = real if node.kind is Kind.DIRECTORY else None
        return self._directories[path]

    def _walk(self, path: str) -> tuple[str, Node]:
        self._count()
        if len(path) > MAX_PATH:
            raise SystemRefuses(errno.ENAMETOOLONG)
        todo = _components(self.absolute(path))
        done = [self._root()]
        hops = steps = 0
        while todo:
            steps += 1
            if steps > MAX_STEPS:
                raise LimitExceeded(f"{path[:200]!a} leads through more than {MAX_STEPS} names")
            name = todo.pop()
            here, directory = done[-1]
            if directory.kind is not Kind.DIRECTORY:
                raise SystemRefuses(errno.ENOTDIR)
            if name == "..":
                del done[max(1, len(done) - 1) :]
                continue
            if name == ".":
                continue
            node = self._child(here, directory, name)
            if node.kind is Kind.SYMLINK:
                hops += 1
                if hops > MAX_LINKS:
                    raise SystemRefuses(errno.ELOOP)
                if node.target.startswith("/"):
                    del done[1:]
                todo += _components(node.target)
                continue
            done.append((f"{here}/{name}", node))
        return done[-1][0] or "/", done[-1][1]

    def _child(self, here: str, directory: Node, name: str) -> Node:
        if not self._rights.allow(directory, SEARCH):
            raise SystemRefuses(errno.EACCES)
        if len(name) > MAX_NAME:
            raise SystemRefuses(errno.ENAMETOOLONG)
        node = self._fs.lstat(f"{here}/{name}")
        if node is None:
            raise SystemRefuses(errno.ENOENT)
        return node

    def _root(self) -> tuple[str, Node]:
        node = self._fs.lstat("/")
        return "", node if node is not None else Node(kind=Kind.DIRECTORY, mode=0o755, size=0)

    def _count(self) -> None:
        work.check()
        self._opened += 1
        if self._opened > MAX_OPENED:
            raise LimitExceeded(f"libraries are searched under more than {MAX_OPENED} names")


def _components(path: str) -> list[str]:
    """Return the names in `path`, last first; one at the end stays: it asks for a directory."""
    names = [name for name in reversed(path.split("/")) if name]
    return [".", *names] if path.endswith("/") and names else names
