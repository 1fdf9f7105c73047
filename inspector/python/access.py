"""What the image's user may read, list and enter: path_resolution(7), over owners, groups and modes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from inspector.python.environment import Environment
from inspector.rootfs import Below, Kind, Names, Node, NotKept, Rootfs, files_below, names_in, sums_in
from inspector.unknown import Tri

READ, WRITE, EXECUTE = 4, 2, 1
_OWNER, _GROUP = 6, 3
NO_OWNER = -1
"""The uid of a node whose owner isn't told."""


def allowed(node: Node, environment: Environment, bits: int) -> Tri:
    """Tell whether the user may do all of `bits` (`READ`, `EXECUTE`) to a file; unknown where its owner isn't told.

    Root may all, but executes only what somebody may.
    """
    if environment.uid == 0:
        executes = node.kind is Kind.FILE and bits & EXECUTE
        return "yes" if not executes or node.mode & 0o111 else "no"
    granted = {shift: (node.mode >> shift) & bits == bits for shift in (_OWNER, _GROUP, 0)}
    if environment.uid is None or node.uid == NO_OWNER:
        return "yes" if all(granted.values()) else "unknown" if any(granted.values()) else "no"
    if node.uid == environment.uid:
        return "yes" if granted[_OWNER] else "no"
    return "yes" if granted[_GROUP if node.gid in environment.groups else 0] else "no"


def as_user(fs: Rootfs, environment: Environment) -> Rootfs:
    """Return the file system as the environment's user sees it: what is certainly closed to it isn't there."""
    return fs if environment.uid == 0 else UserView(fs, environment)


class UserView:
    """A `Rootfs` without what lies in folders that the user may not enter."""

    def __init__(self, fs: Rootfs, environment: Environment) -> None:
        self._fs, self._environment = fs, environment
        self.budget = fs.budget
        self.readlink, self.head = fs.readlink, fs.head
        self.skeleton, self.symbols, self.loader = fs.skeleton, fs.symbols, fs.loader
        self.listed, self.sum = fs.listed, fs.sum
        self._open: dict[str, bool] = {"/": True}

    def _enters(self, folder: str) -> bool:
        """Tell whether the user may enter a folder and all above it; links stand in no folder's path here."""
        known = self._open.get(folder)
        if known is None:
            known = self._enters(folder.rpartition("/")[0] or "/")
            node = self._fs.lstat(folder) if known else None
            if node is not None and node.kind is Kind.DIRECTORY and folder != self._environment.own_folder:
                known = allowed(node, self._environment, EXECUTE) != "no"
            self._open[folder] = known
        return known

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        return self._fs.lstat(path) if path == "/" or self._enters(posixpath.dirname(path)) else None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`."""
        return self._fs.scandir(path) if self._enters(path) else {}

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        return self._fs.read(path)

    def sums(self, files: Mapping[str, Node]) -> Mapping[str, bytes | NotKept]:
        """See `sums_in`."""
        return sums_in(self._fs, files)

    def names(self, path: str) -> Names:
        """See `names_in`."""
        return names_in(self._fs, path) if self._enters(path) else ((), ())

    def below(self, path: str) -> Below | None:
        """See `files_below`: None where a directory is closed to the user, so that each is looked at."""
        found = files_below(self._fs, path) if self._enters(path) else None
        folders = found.directories if found is not None else ()
        return None if any(allowed(each, self._environment, EXECUTE) == "no" for each in folders) else found
