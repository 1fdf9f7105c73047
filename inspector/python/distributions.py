"""All distributions that the interpreter would report as installed: the first of a name on its search path wins.

Follows importlib.metadata, and pip where that is stricter: what has no valid name is no distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.python.conda import conda_packages
from inspector.python.dist_info import read_distribution
from inspector.python.folders import Folder, Folders
from inspector.python.installed import Installed, Notes
from inspector.python.model import Interpreter
from inspector.rootfs import Kind, NotListed, Rootfs
from inspector.unknown import Unknown

MAX_WARNINGS, MAX_TEXT = 50, 5000
"""Warnings, and paths of what can't be read, that are kept; and characters of one."""

_SUFFIXES = (".dist-info", ".egg-info")
_HIDDEN_BY_PIP = frozenset({"python", "wsgiref", "argparse"})
"""Parts of the standard library that pip never lists."""


def find_distributions(
    fs: Rootfs,
    interpreter: Interpreter | Unknown,
    *,
    unlisted: list[str] | None = None,
    unread: list[str] | None = None,
) -> tuple[tuple[Installed, ...], tuple[str, ...]]:
    """Return what is installed for `interpreter`, by name, and warnings; nothing where the interpreter is not known.

    Directories that can't be listed are noted in `unlisted`, and left out. Raises `NotListed` without it. Paths of
    metadata that can't be read, behind which any distribution may be, are noted in `unread`.
    """
    if isinstance(interpreter, Unknown):
        return (), ()
    scan = _Scan(Folders(fs))
    adding = [partial(scan.add_entry, entry) for entry in interpreter.search_path]
    for add in [*adding, partial(scan.add_conda, interpreter.prefix)]:
        try:
            add()
        except NotListed as error:
            if unlisted is None:
                raise
            unlisted.append(str(error))
    if unread is not None:
        unread += scan.unread
    found = sorted(scan.found.values(), key=lambda installed: installed.key)
    return tuple(found), tuple(scan.warnings)


class _Bounded(list[str]):
    """Sentences or paths, of which the first are kept: an image may cause a million."""

    def append(self, text: str) -> None:
        if len(self) < MAX_WARNINGS:
            super().append(text[:MAX_TEXT])


class _Scan:
    """The search path so far: `found` by canonical name."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.found: dict[str, Installed] = {}
        self.warnings: list[str] = _Bounded()
        self.unread: list[str] = _Bounded()
        self.notes = Notes(self.warnings, self.unread)
        self._seen: set[str] = set()

    def add_entry(self, entry: str) -> None:
        """Take in one entry of the search path, unless another led to the same directory."""
        folder = self.folders.at(entry)
        if folder.path is None:
            self._tell_archive(entry)
        elif folder.path not in self._seen:
            self._seen.add(folder.path)
            self._add_folder(folder, folder.path)

    def add_conda(self, prefix: str) -> None:
        """Take in what conda records of the environment, but for what its Python metadata tells already."""
        if prefix:
            for package in conda_packages(self.folders, prefix, self._known_paths(), self.notes):
                self.found.setdefault(package.key, package)

    def _add_folder(self, folder: Folder, path: str) -> None:
        here: dict[str, list[Installed]] = {}
        names = sorted(_metadata_names(folder, path))
        self.folders.count_distributions(len(names))
        for name in names:
            installed = self._read(path, name)
            if installed is not None:
                here.setdefault(installed.key, []).append(installed)
        for key, rivals in here.items():
            if key not in self.found:
                self.found[key] = self._first(path, rivals)

    def _read(self, folder: str, name: str) -> Installed | None:
        path = f"{folder}/{name}"
        if name.startswith("~"):
            self.warnings.append(f"{path!r} is what an interrupted uninstall left; pip ignores it")
            return None
        try:
            installed = read_distribution(self.folders, folder, name, self.notes)
        except LimitExceeded:  # what is left out of a list can't be told from what isn't there
            raise
        except InspectorError as error:
            self.warnings.append(f"{path!r} can't be read as a distribution: {error}")
            self.unread.append(path)
            return None
        return None if installed is None or installed.key in _HIDDEN_BY_PIP else installed

    def _first(self, folder: str, rivals: list[Installed]) -> Installed:
        """Return the one taken of a name's metadata in one directory: the first, but for one that tells its files."""
        versions = list(dict.fromkeys(rival.version for rival in rivals))
        if len(versions) > 1:
            shown = ", ".join(repr(version) for version in versions)
            self.warnings.append(
                f"{folder!r} holds metadata of {len(versions)} versions of {rivals[0].name} ({shown}): which of them "
                "tools see depends on the order of the directory's entries"
            )
        first = next((one for one in rivals if one.owned is not None), rivals[0])
        others = tuple(one for one in rivals if one is not first)
        return msgspec.structs.replace(first, rivals=others) if others else first

    def _tell_archive(self, entry: str) -> None:
        node = self.folders.node(entry)
        if node is not None and node.kind is Kind.FILE:
            self.warnings.append(f"{entry!r} on the search path is an archive; distributions inside it are not listed")
            self.unread.append(entry)

    def _known_paths(self) -> frozenset[str]:
        return frozenset(
            path for first in self.found.values() for path in (first.path, *(rival.path for rival in first.rivals))
        )


def _metadata_names(folder: Folder, path: str) -> Iterable[str]:
    """Return the entries that hold metadata; of an `.egg` on the search path, its EGG-INFO."""
    egg = path.lower().endswith(".egg")
    return (
        name for name in folder.children if name.lower().endswith(_SUFFIXES) or (egg and name.lower() == "egg-info")
    )
