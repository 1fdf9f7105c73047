"""Programs and redirections whose effect on files is sure: what is removed, made, moved or copied, and whether it is.

`inspector.python.changes` reports everything else that a program changes, as a doubt.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from inspector.errors import InspectorError
from inspector.python.access import EXECUTE, WRITE, allowed
from inspector.python.environment import Environment
from inspector.python.files import find, join
from inspector.python.overlay import REMOVED, Laid, Placed, copied, reached, with_placed
from inspector.rootfs import Kind, Node, Rootfs, files_below, is_dir, resolve
from inspector.unknown import Tri

MAX_PLACED = 256
"""Changes of one way through the scripts that are laid over the image's files."""
MAX_OPERANDS, MAX_NAMES = 64, 64
"""Operands of one program, and names in the path of each."""
MAX_DATA = 64 << 10
"""Bytes that scripts write into files, all together."""
_LONG = {
    "recursive": "r",
    "force": "f",
    "verbose": "v",
    "dir": "d",
    "parents": "p",
    "symbolic": "s",
    "no-dereference": "n",
    "archive": "a",
}
ENGINES = ("/dev/", "/proc/", "/sys/")
"""Folders that engines fill, so that what is laid there is not of the image."""


class Done(NamedTuple):
    """The files behind a program, and whether it succeeds; what is in those `changed` isn't known."""

    laid: Laid
    succeeds: Tri = "yes"
    changed: tuple[str, ...] = ()


class Work(NamedTuple):
    """What a program is asked to do: its options' letters, its operands, and the files before, as its user sees them.

    `view` makes the file system of changes.
    """

    letters: frozenset[str]
    operands: tuple[str, ...]
    environment: Environment
    laid: Laid
    view: Callable[[Laid], Rootfs]

    @property
    def fs(self) -> Rootfs:
        """The files as they are now."""
        return self.view(self.laid)


class NotSure(Exception):
    """What the program does depends on more than the image's files."""


def done_by(words: Sequence[str], environment: Environment, laid: Laid, view: Callable[[Laid], Rootfs]) -> Done | None:
    """Return what a program does to files; None where it is not known, or does nothing to them."""
    known = _PROGRAMS.get(posixpath.basename(words[0]))
    if known is None:
        return None
    letters, program = known
    options, operands = _read(words[1:])
    if not options <= set(letters) or not operands or any("\0" in each for each in operands):
        return None
    if len(operands) > MAX_OPERANDS or max(each.count("/") for each in operands) > MAX_NAMES:
        return None
    try:
        done = program(Work(frozenset(options), tuple(operands), environment, laid, view))
    except (NotSure, InspectorError):
        return None
    if len(done.laid) > MAX_PLACED or sum(len(placed.data) for placed in done.laid.values()) > MAX_DATA:
        return None
    return done


def _read(words: Sequence[str]) -> tuple[set[str], list[str]]:
    """Return the letters of the options, `?` for one that isn't known, and the operands, as GNU's programs mix them."""
    letters: set[str] = set()
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return letters, operands + rest
        if word.startswith("--"):
            letters.add(_LONG.get(word[2:], "?"))
        elif word.startswith("-") and len(word) > 1:
            letters |= set(word[1:])
        else:
            operands.append(word)
    return letters, operands


def place_of(fs: Rootfs, environment: Environment, word: str) -> str:
    """Return the path that a word names, links in its folders followed; empty where such a folder is missing."""
    path = posixpath.join(environment.cwd, word.rstrip("/") or "/")
    folder, name = posixpath.split(path)
    if name in ("", ".", "..") or f"{join(path)}/".startswith(ENGINES) or join(path) in environment.changed:
        raise NotSure
    found = find(fs, folder)
    if found is None or found[1].kind is not Kind.DIRECTORY:
        return ""
    return posixpath.join(found[0], name)


def _may(fs: Rootfs, environment: Environment, path: str) -> bool:
    """Tell whether the user may make or remove a name. Raises `NotSure`."""
    if environment.uid == 0:
        return True
    folder = fs.lstat(posixpath.dirname(path))
    answer = "no" if folder is None else allowed(folder, environment, WRITE | EXECUTE)
    if answer == "unknown" or (answer == "yes" and folder is not None and folder.mode & 0o1000):
        raise NotSure
    return answer == "yes"


def _rm(work: Work) -> Done:
    laid, good = work.laid, True
    for word in work.operands:
        fs = work.view(laid)
        path = place_of(fs, work.environment, word)
        node = fs.lstat(path) if path else None
        if node is None:
            good = good and "f" in work.letters
        elif node.kind is Kind.DIRECTORY and not work.letters & {"r", "R"}:
            good = False
        elif _removes(fs, work.environment, path, node):
            laid = with_placed(laid, path, REMOVED)
        else:
            good = False
    return Done(laid, "yes" if good else "no")


def _removes(fs: Rootfs, environment: Environment, path: str, node: Node) -> bool:
    """Tell whether all of it goes, or nothing. Raises `NotSure`."""
    if environment.uid == 0:
        return True
    may = _may(fs, environment, path)
    if node.kind is not Kind.DIRECTORY:
        return may
    below = files_below(fs, path)
    if may or below is None or any(allowed(each, environment, WRITE) != "no" for each in below.directories):
        raise NotSure
    return False


def _unlink(work: Work) -> Done:
    if len(work.operands) > 1:
        raise NotSure
    return _rm(work)


def _targets(work: Work, sources: Sequence[str], target: str) -> list[tuple[str, str]]:
    """Return each source with the path that it gets. Raises `NotSure`."""
    fs = work.fs
    path = place_of(fs, work.environment, target)
    node = fs.lstat(path) if path else None
    link = node is not None and node.kind is Kind.SYMLINK
    into = resolve(fs, path) if path and not (link and "n" in work.letters) else None
    if into is not None and is_dir(fs, into):
        return [(source, posixpath.join(into, posixpath.basename(source.rstrip("/")))) for source in sources]
    if len(sources) > 1 or not path or target.endswith("/"):
        raise NotSure
    return [(sources[0], path)]


def _pairs(work: Work) -> list[tuple[str, str, Node | None]]:
    """Return the path of each source, the path that it gets, and what is there. Raises `NotSure`."""
    if work.environment.uid != 0 or len(work.operands) < 2:
        raise NotSure  # owners and rights would have to be worked out
    *sources, target = work.operands
    found = []
    for source, path in _targets(work, sources, target):
        origin = place_of(work.fs, work.environment, source)
        if any(each.startswith(f"{origin}/") for each in work.environment.changed):
            raise NotSure
        same = resolve(work.fs, origin) in (None, resolve(work.fs, path))
        if not origin or same or work.fs.lstat(origin) is None or f"{path}/".startswith(f"{origin}/"):
            raise NotSure
        found.append((origin, path, work.fs.lstat(path)))
    return found


def _mv(work: Work) -> Done:
    laid = work.laid
    for source, target, there in _pairs(work):
        if there is not None and Kind.DIRECTORY in (there.kind, _kind(work, source)):
            raise NotSure
        laid = with_placed(copied(laid, source, target), source, REMOVED)
    return Done(laid)


def _cp(work: Work) -> Done:
    laid, copies = work.laid, bool(work.letters & {"r", "R", "a"})
    for source, target, there in _pairs(work):
        origin = source if copies else resolve(work.fs, source)
        node = work.fs.lstat(origin) if origin else None
        if origin is None or node is None or node.uid != 0 or (node.kind is Kind.DIRECTORY and not copies):
            raise NotSure
        if there is not None and {there.kind, node.kind} != {Kind.FILE}:
            raise NotSure
        laid = copied(laid, origin, target)
    return Done(laid)


def _kind(work: Work, path: str) -> Kind | None:
    node = work.fs.lstat(path)
    return None if node is None else node.kind


def _ln(work: Work) -> Done:
    if "s" not in work.letters:
        raise NotSure
    *texts, target = work.operands if len(work.operands) > 1 else (*work.operands, ".")
    laid, good = work.laid, True
    for text, path in _targets(work, texts, target):
        there = work.fs.lstat(path)
        if resolve(work.fs, text, work.environment.cwd) == path:
            raise NotSure  # it does not remove a file to make a link to it
        if not _may(work.fs, work.environment, path):
            good = False
        elif there is None or ("f" in work.letters and there.kind is not Kind.DIRECTORY):
            laid = with_placed(laid, path, Placed(node=made(work.environment, Kind.SYMLINK, 0o777, text=text)))
        else:
            good = False
    return Done(laid, "yes" if good else "no")


def _mkdir(work: Work) -> Done:
    laid, good = work.laid, True
    for word in work.operands:
        missing: list[str] = []
        path = join(work.environment.cwd, word)
        while (found := find(work.view(laid), path)) is None:
            missing.insert(0, posixpath.basename(path))
            path = posixpath.dirname(path)
        top, node = found
        if missing and work.view(laid).lstat(join(top, missing[0])) is not None:
            raise NotSure  # a link that leads nowhere
        if node.kind is not Kind.DIRECTORY or (len(missing) != 1 and "p" not in work.letters):
            good = False
            continue
        if missing and not _may(work.view(laid), work.environment, join(top, missing[0])):
            good = False
            continue
        for name in missing:
            top = join(top, name)
            laid = with_placed(laid, top, Placed(node=made(work.environment, Kind.DIRECTORY, 0o755)))
    return Done(laid, "yes" if good else "no")


def _touch(work: Work) -> Done:
    laid, good = work.laid, True
    for word in work.operands:
        fs = work.view(laid)
        if find(fs, posixpath.join(work.environment.cwd, word)) is not None:
            if work.environment.uid != 0:
                raise NotSure
            continue
        path = place_of(fs, work.environment, word)
        if not path or word.endswith("/") or fs.lstat(path) is not None or not _may(fs, work.environment, path):
            good = False
        else:
            laid = with_placed(laid, path, Placed(node=made(work.environment, Kind.FILE, 0o644)))
    return Done(laid, "yes" if good else "no")


def _tee(work: Work) -> Done:
    """Make the files that are missing; what is written into them isn't known."""
    touched = _touch(work)
    return Done(touched.laid, "unknown", tuple(join(work.environment.cwd, word) for word in work.operands))


def _chmod(work: Work) -> Done:
    """Change the mode of files; that of folders and of all in them is not looked into."""
    mode, *words = work.operands
    laid = work.laid
    for word in words:
        fs = work.view(laid)
        found = find(fs, posixpath.join(work.environment.cwd, word))
        if found is None or found[1].kind is not Kind.FILE or work.environment.uid not in (0, found[1].uid):
            raise NotSure
        path, node = found
        if re.fullmatch(r"0?[0-7]{3}", mode):
            bits = int(mode, 8)
        elif re.fullmatch(r"a?\+x", mode):
            bits = node.mode | 0o111
        else:
            raise NotSure
        placed = reached(laid, path)
        laid = with_placed(laid, path, Placed(msgspec.structs.replace(node, mode=bits), placed.data, placed.origin))
    return Done(laid)


def made(environment: Environment, kind: Kind, mode: int, *, text: str = "", size: int = 0) -> Node:
    """Return what the user makes."""
    if environment.uid is None:
        raise NotSure
    gid = min(environment.groups, default=0)
    return Node(kind, mode, len(text) or size, target=text, uid=environment.uid, gid=gid)


_PROGRAMS: dict[str, tuple[str, Callable[[Work], Done]]] = {
    "rm": ("rRfvd", _rm),
    "unlink": ("", _unlink),
    "mv": ("fv", _mv),
    "cp": ("rRafpv", _cp),
    "ln": ("sfnv", _ln),
    "mkdir": ("pv", _mkdir),
    "touch": ("", _touch),
    "chmod": ("", _chmod),
    "tee": ("a", _tee),
}
"""By name: the letters of the options that are known, and what it does."""
