"""Finding the file that a command's name stands for, as engines and execvp(3) do."""

from __future__ import annotations

import posixpath

import msgspec

from inspector.python.access import EXECUTE, allowed
from inspector.python.environment import Environment
from inspector.python.files import find, join
from inspector.rootfs import Kind, Node, Rootfs


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A command found: `path` as PATH names it, `resolved` behind all links. `skipped` says what came before it.

    `relative` is set where the PATH entry was: engines refuse to start such a command, shells don't.
    """

    path: str
    resolved: str
    skipped: tuple[str, ...] = ()
    relative: bool = False


class Missing(msgspec.Struct, frozen=True):
    """No such command; `skipped` says which files of the name could not be it, and why."""

    skipped: tuple[str, ...] = ()


def find_command(fs: Rootfs, command: str, environment: Environment) -> Found | Missing:
    """Return the first entry of PATH whose `command` is, links followed, a regular file that the user may execute.

    Where that isn't known, the file is taken. A command with a slash is taken against the working directory, and not
    looked for.
    """
    if "/" in command:
        candidates = [command]
    else:
        candidates = [posixpath.join(folder or ".", command) for folder in dict.fromkeys(environment.path)]
    skipped: list[str] = []
    for candidate in candidates:
        full = posixpath.join(environment.cwd, candidate)
        reached = find(fs, full)
        problem = _problem(reached[1] if reached else None, environment)
        if reached and not problem:
            relative = "/" not in command and not candidate.startswith("/")
            return Found(path=join(full), resolved=reached[0], skipped=tuple(skipped), relative=relative)
        there = None if problem else _dangling(fs, full)
        if problem or there is not None:
            dangling = f"a link to {there!r}, {_nowhere(environment)}"
            skipped.append(f"{join(full)!r} is {problem or dangling}")
    return Missing(tuple(skipped))


def _nowhere(environment: Environment) -> str:
    """Return what is said of a link behind which nothing is seen."""
    return "which leads nowhere" if environment.uid == 0 else f"which leads nowhere for user {environment.user!r}"


def _problem(node: Node | None, environment: Environment) -> str:
    """Say why the file that a name leads to can't be executed; empty if it can, or if there is none."""
    if node is None:
        return ""
    if node.kind is not Kind.FILE:
        return f"a {node.kind.value}"
    if allowed(node, environment, EXECUTE) != "no":
        return ""
    by = "" if not node.mode & 0o111 else f" by user {environment.user!r}"
    return f"not executable{by} (mode {node.mode:04o})"


def _dangling(fs: Rootfs, path: str) -> str | None:
    """Return the text of the link that leads nowhere at `path`; None where nothing is there."""
    parent = find(fs, posixpath.dirname(path) or "/")
    link = join(parent[0], posixpath.basename(path)) if parent else ""
    node = fs.lstat(link) if parent else None
    return None if node is None else fs.readlink(link) if node.kind is Kind.SYMLINK else ""
