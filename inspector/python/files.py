"""Questions about files that the Python floor asks again and again, links followed inside the root."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from inspector.errors import Malformed, NotFound
from inspector.rootfs import Kind, Node, NotListed, Rootfs, resolve


class StartFails(Malformed):
    """A file that Python reads at its start has what it stops at."""


MAX_TEXT = 4 << 20
"""The most bytes of a text taken in; the index keeps less of most."""
_LINE_END = re.compile(r"\r\n|\r|\n")


def join(*parts: str) -> str:
    """Return the parts as one path, lexically normal, as `os.path.abspath` makes it: `x/..` goes, links or not.

    Of two slashes at the beginning, which that keeps, one stays: to Linux they are the same.
    """
    return posixpath.normpath("/" + posixpath.join("/", *parts).lstrip("/"))


def upward(folder: str) -> Iterator[str]:
    """Yield the folder and all above it, nearest first, the root among them."""
    while True:
        yield folder
        if folder in ("/", ""):
            return
        folder = posixpath.dirname(folder)


def find(fs: Rootfs, path: str, cwd: str = "/") -> tuple[str, Node] | None:
    """Say where `path` leads and the node there; None if nowhere."""
    resolved = resolve(fs, path, cwd)
    node = None if resolved is None else fs.lstat(resolved)
    return None if resolved is None or node is None else (resolved, node)


def exists(fs: Rootfs, path: str) -> bool:
    """Tell whether `path` leads to anything at all."""
    return find(fs, path) is not None


def list_dir(fs: Rootfs, path: str) -> Mapping[str, Node]:
    """Return what lies in the directory that `path` leads to; empty where that is none."""
    resolved = resolve(fs, path)
    return {} if resolved is None else fs.scandir(resolved)


def is_listed(children: Mapping[str, Node]) -> bool:
    """Tell whether all names of a directory are known, not only those asked for."""
    try:
        len(children)
    except NotListed:
        return False
    return True


def names_in(children: Mapping[str, Node], guesses: Iterable[str]) -> Iterator[str]:
    """Return the names in a listing.

    Where only single names can be asked for, those of the `guesses` that are there.
    """
    try:
        return iter(children)
    except NotListed:
        return (name for name in guesses if name in children)


def read_text(fs: Rootfs, path: str) -> str | None:
    """Return the text of a regular file, undecodable bytes as surrogates; None where there is none.

    Raises `NotKept`.
    """
    found = find(fs, path)
    if found is None or found[1].kind is not Kind.FILE:
        return None
    try:
        return fs.read(found[0])[:MAX_TEXT].decode("utf-8", "surrogateescape")
    except NotFound:
        return None


def lines_of(text: str) -> list[str]:
    """Split a text as Python's files do: a form feed and the like end no line, though for `splitlines`."""
    return _LINE_END.split(text)


def read_strict(fs: Rootfs, path: str) -> str | None:
    """Return as `read_text`, for what Python reads as UTF-8 and stops at otherwise. Raises `StartFails`, `NotKept`."""
    text = read_text(fs, path)
    if text and not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise StartFails(f"{path!r} is not UTF-8, and Python stops where it can't decode it")
    return text


def apk_database(fs: Rootfs) -> str:
    """Read Alpine's list of installed packages, where older and newer releases have it; empty if there is none."""
    return read_text(fs, "/lib/apk/db/installed") or read_text(fs, "/usr/lib/apk/db/installed") or ""


def one_link(fs: Rootfs, path: str) -> str:
    """Return `path` with its last component's links followed one after another, its folders left as they are named.

    This is how CPython finds itself: `/bin/python3` becomes `/bin/python3.11` even where `/bin` is a link.
    """
    for _ in range(40):
        parent = resolve(fs, posixpath.dirname(path) or "/")
        link = join(parent or "/", posixpath.basename(path))
        node = fs.lstat(link) if parent is not None else None
        if node is None or node.kind is not Kind.SYMLINK:
            break
        path = join(posixpath.dirname(path), fs.readlink(link))
    return path
