"""Whether an interpreter, once found, could come up: the kernel's part, its standard library, and the user's rights."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from inspector.oci import Platform
from inspector.python.environment import Environment
from inspector.python.launch import can_start
from inspector.python.lookup import Found
from inspector.python.search_path import Python
from inspector.python.version import is_regular
from inspector.rootfs import Rootfs, resolve
from inspector.unknown import Tri

_OTHERS_EXECUTE = 0o001


def interpreter_runs(
    fs: Rootfs, found: Found, program: str, python: Python, environment: Environment, platform: Platform
) -> tuple[Tri, tuple[str, ...]]:
    """Whether the resolved `program`, found as `found`, comes up, and the clauses why not or why that isn't known."""
    if environment.trouble:
        return "no" if environment.uid is None else "unknown", (environment.trouble,)
    start = can_start(fs, program, environment, platform)
    if start.starts != "yes":
        return start.starts, start.reasons
    archive, library, _ = python.prefixes.standard_library(python.minor)
    if python.prefixes.path_file is None and not _has_encodings(fs, library):
        starts: Tri = "unknown" if is_regular(fs, archive) else "no"
        clause = f"the standard library of Python {python.minor} is not at {library!r}, so it stops at its start"
        return starts, (clause,)
    closed = closed_paths(fs, [found.path, program, library], environment)
    return ("unknown", closed) if closed else ("yes", ())


def closed_paths(fs: Rootfs, paths: Iterable[str], environment: Environment) -> tuple[str, ...]:
    """A clause for each of the paths that the user may be kept from, one a folder."""
    first: dict[str, str] = {}
    for path in paths:
        folder = closed_folder(fs, path, environment)
        if folder is not None:
            first.setdefault(folder, path)
    user = environment.user
    return tuple(
        f"{folder!r}, on the way to {path!r}, may be closed to user {user!r}" for folder, path in first.items()
    )


def closed_folder(fs: Rootfs, path: str, environment: Environment) -> str | None:
    """The first folder above `path` that only its owner or group may enter, where the user is not root.

    Owners aren't kept: the user's home is taken for its own, any other may be so all the same.
    """
    if environment.uid == 0:
        return None
    resolved = resolve(fs, posixpath.dirname(path))
    folder = "/"
    for name in (resolved or "/").split("/")[1:]:
        folder = posixpath.join(folder, name)
        node = fs.lstat(folder)
        own = folder == environment.own_folder
        if node is not None and not own and not node.mode & _OTHERS_EXECUTE:
            return folder
    return None


def _has_encodings(fs: Rootfs, library: str) -> bool:
    return any(is_regular(fs, f"{library}/encodings/__init__.{suffix}") for suffix in ("py", "pyc"))
