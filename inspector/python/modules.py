"""What `import NAME` would find, as importlib's path finder looks: entry by entry, and in each in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from inspector.python.folders import Folder, Folders
from inspector.python.model import Interpreter
from inspector.rootfs import NotListed

Form = Literal["package", "module", "namespace", "archive"]
Loader = Literal["extension", "source", "bytecode", "none"]

_TAGGED = re.compile(r"\.(cpython-[a-z0-9]+)-([a-z0-9_]+)-([a-z0-9_-]+)\.so")
_TRIPLES = {"i686": ("i386",), "armv7l": ("arm",), "ppc64le": ("powerpc64le",), "ppc64": ("powerpc64",)}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a name leads to in the directory `entry`.

    `path` is the package's directory or the module's file, `origin` the file that is loaded (the `__init__`
    of a package; of a namespace there is none), both with the entry's links followed. An `archive` may
    hold the name: it was not looked into.
    """

    form: Form
    entry: str
    path: str
    origin: str | None = None
    loader: Loader = "none"


class Suffixes(msgspec.Struct, frozen=True):
    """The endings of extension modules that an interpreter loads."""

    abi: str
    machine: str | None
    libc: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The endings that bear the interpreter's own tag, as it is built for its C library."""
        machine = _TRIPLES.get(self.machine or "", (self.machine,))[0]
        kinds = {"musl": ("musl",) if self._names_musl else ("musl", "gnu")}.get(self.libc, ("gnu",))
        hard = "eabihf" if machine == "arm" else ""
        return tuple(f".cpython-{self.abi.removeprefix('cp')}-{machine}-linux-{kind}{hard}.so" for kind in kinds)

    @property
    def _names_musl(self) -> bool:
        """Tell whether the interpreter's tag names musl (3.11 on); before, one for musl had glibc's."""
        digits = self.abi.removeprefix("cp").rstrip("tdm")
        return digits.isdigit() and int(digits[:1]) == 3 and int(digits[1:] or 0) >= 11

    def loads(self, ending: str) -> bool:
        """Tell whether a file named `NAME` + `ending` is an extension module to this interpreter."""
        if ending in (".abi3.so", ".so"):
            return True
        tagged = _TAGGED.fullmatch(ending)
        if tagged is None:
            return False
        machines = (*_TRIPLES.get(self.machine or "", ()), self.machine)
        fits = self.machine is None or tagged[2] in machines
        musl = tagged[3].startswith("linux-musl")
        if musl if self.libc == "glibc" else self.libc == "musl" and self._names_musl and not musl:
            return False
        return fits and tagged[1] == f"cpython-{self.abi.removeprefix('cp')}"


def suffixes_of(interpreter: Interpreter) -> Suffixes:
    """Return the extension suffixes of an interpreter (`importlib.machinery.EXTENSION_SUFFIXES`)."""
    return Suffixes(interpreter.abi, interpreter.machine, interpreter.libc.name if interpreter.libc else "")


def find_modules(folders: Folders, entries: Iterable[str], name: str, suffixes: Suffixes) -> Iterator[Found]:
    """Yield everything that `import name` could find, best first: what is loaded, what it hides, then namespaces.

    A namespace portion never ends the search, so all of them come last.
    """
    namespaces = []
    seen = set()
    for entry in entries:
        folder = folders.at(entry)
        if folder.path is None:
            archive = _archive(folders, entry)
            if archive is not None:
                yield archive
            continue
        if folder.path in seen:
            continue
        seen.add(folder.path)
        found = find_in(folders, folder.path, name, suffixes)
        if found is not None and found.form == "namespace":
            namespaces.append(found)
        elif found is not None:
            yield found
    yield from namespaces


def find_in(folders: Folders, entry: str, name: str, suffixes: Suffixes) -> Found | None:
    """Give what the directory `entry` alone has for `name`: package, extension, source, bytecode, else a namespace."""
    folder = folders.at(entry)
    children = folder.children
    path = f"{entry.rstrip('/')}/{name}"
    inside = folders.at(path) if name in children else None
    package = inside is not None and inside.path is not None
    if inside is not None and package:
        for file, loader in _candidates(folders, inside, "__init__", suffixes):
            if folders.is_file(f"{path}/{file}"):
                return Found(form="package", entry=entry, path=path, origin=f"{path}/{file}", loader=loader)
    for file, loader in _candidates(folders, folder, name, suffixes):
        origin = f"{entry.rstrip('/')}/{file}"
        if folders.is_file(origin):
            return Found(form="module", entry=entry, path=origin, origin=origin, loader=loader)
    return Found(form="namespace", entry=entry, path=path) if package else None


def extensions_of(folders: Folders, directory: str, name: str) -> list[str]:
    """Return the files that are extension modules `name` for any interpreter at all."""
    prefix = f"{name}."
    files = folders.with_ending(folders.at(directory), ".so").get(name, [])
    return [file for file in files if file.startswith(prefix) and folders.is_file(f"{directory}/{file}")]


def _candidates(folders: Folders, folder: Folder, name: str, suffixes: Suffixes) -> Iterator[tuple[str, Loader]]:
    """Yield the entries that may be the module `name`, in the order of importlib's loaders."""
    children = folder.children
    try:
        files = folders.with_ending(folder, ".so").get(name.partition(".")[0], [])
    except NotListed:
        files = sorted(name + ending for ending in suffixes.own if name + ending in children)
    tagged = [file for file in files if file.startswith(f"{name}.") and _TAGGED.fullmatch(file[len(name) :])]
    yield from ((file, "extension") for file in tagged if suffixes.loads(file[len(name) :]))
    plain: tuple[tuple[str, Loader], ...] = (
        (".abi3.so", "extension"),
        (".so", "extension"),
        (".py", "source"),
        (".pyc", "bytecode"),
    )
    yield from ((name + ending, loader) for ending, loader in plain if name + ending in children)


def _archive(folders: Folders, entry: str) -> Found | None:
    """Return a zip on the search path, or what an entry that names a folder inside of one leads through."""
    path = entry
    while path not in ("", "/"):
        if folders.at(path).path is not None:
            return None
        if folders.is_file(path):
            return Found(form="archive", entry=entry, path=path)
        path = path.rpartition("/")[0]
    return None
