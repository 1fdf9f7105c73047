"""Where the image's Python finds modules: built in, on the search path, in zip files, by editable installs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from inspector.errors import InspectorError, LimitExceeded
from inspector.python.editable import find_editable
from inspector.python.folders import Folders
from inspector.python.model import Interpreter
from inspector.python.modules import Found, find_modules, suffixes_of
from inspector.python.sources import decode_source
from inspector.unknown import Unknown

MAX_ZIP = 16 << 20
"""Bytes of one zip file on the search path that is looked into."""
MAX_ZIPPED = 20_000
"""Entries of one zip file."""
MAX_SOURCE = 4 << 20
"""Bytes of one source."""
_END, _WITH_COMMENT = b"PK\5\6", 22 + (64 << 10)
"""What a zip file's end begins with, and how far that may lie before the end of the file."""

ReadContent = Callable[[str], bytes]


class Finder:
    """Finds modules as `sys.meta_path` of an interpreter does; `content` reads a file. Raises `InspectorError`."""

    def __init__(self, folders: Folders, interpreter: Interpreter, content: ReadContent) -> None:
        self._folders = folders
        self._interpreter = interpreter
        self._content = content
        self._suffixes = suffixes_of(interpreter)
        self._zips: dict[str, Mapping[str, int]] = {}
        self._kept: tuple[str, bytes] = ("", b"")
        self.hooked = ""

    def spend(self, steps: int) -> None:
        """Spend from the image's budget. Raises `LimitExceeded`."""
        self._folders.budget.spend("steps", steps, "characters of Python that are parsed")

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The search path, each entry once."""
        return tuple(dict.fromkeys(self._interpreter.search_path))

    def find(self, name: str, paths: Sequence[str] | None) -> tuple[Found | Unknown | None, tuple[str, ...]]:
        """Return the module of a name, searched in a package's `paths` or for a top-level one.

        With where its own are.
        """
        last = name.rpartition(".")[2]
        portions: list[str] = []
        namespace: Found | None = None
        for one in self._in_order(last, self.entries if paths is None else paths):
            if one.form == "namespace":
                portions.append(one.path)
                namespace = namespace or one
                continue
            return one, (one.path,) if one.form == "package" else ()
        if namespace is not None:
            return namespace, tuple(portions)
        if paths is None:
            found = find_editable(self._folders, self._interpreter, last, self._suffixes)
            if isinstance(found, Found):
                return found, (found.path,) if found.form == "package" else ()
            return found, ()
        return None, ()

    def _in_order(self, name: str, entries: Sequence[str]) -> list[Found]:
        """Return what each entry has: a zip file between folders is looked into in its turn."""
        found: list[Found] = []
        for entry in entries:
            for one in find_modules(self._folders, [entry], name, self._suffixes):
                folder = entry[len(one.path) + 1 :].rstrip("/") if one.form == "archive" else ""
                inside = (
                    self._in_zip(one.path, folder and f"{folder}/", name)
                    if one.form == "archive"
                    else _as_named(one, entry)
                )
                if inside is not None:
                    found.append(inside)
            if found and found[-1].form != "namespace":
                break
        return found

    def _in_zip(self, file: str, folder: str, name: str) -> Found | None:
        """Zipimport finds a package's `__init__`, then a module: bytecode before source, and no extension modules."""
        names = self.zipped(file)
        base = f"{folder}{name}"
        for inside, form in ((f"{base}/__init__", "package"), (base, "module")):
            for ending, loader in ((".pyc", "bytecode"), (".py", "source")):
                if inside + ending in names:
                    chosen = ".py" if inside + ".py" in names else ending
                    origin = f"{file}/{inside}{chosen}"
                    path = f"{file}/{base}" if form == "package" else origin
                    kind = "source" if chosen == ".py" else loader
                    return Found(form=form, entry=file, path=path, origin=origin, loader=kind)  # type: ignore[arg-type]
        if any(each.startswith(f"{base}/") for each in names):
            return Found(form="namespace", entry=file, path=f"{file}/{base}")
        return None

    def zipped(self, file: str) -> Mapping[str, int]:
        """Return the files that a zip file holds, with their bytes."""
        known = self._zips.get(file)
        if known is None:
            found = self._listed(file)
            if len(found) > MAX_ZIPPED:
                raise LimitExceeded(f"{file} holds more than {MAX_ZIPPED} files")
            self._folders.count_rows(len(found))
            known = self._zips[file] = {each.filename: each.file_size for each in found}
        return known

    def _listed(self, file: str) -> list[zipfile.ZipInfo]:
        """List a zip file; nothing for a file without the end that a zip has: Python passes it over."""
        if _END not in self._read(file)[-_WITH_COMMENT:]:
            return []
        with self._opened(file) as archive:
            return archive.infolist()

    def _read(self, file: str) -> bytes:
        if self._kept[0] != file:
            node = self._folders.node(file)
            if node is not None and node.size > MAX_ZIP:
                raise LimitExceeded(f"{file} is larger than the {MAX_ZIP} bytes of a zip file that is looked into")
            self._kept = file, self._content(file)
        return self._kept[1]

    def _opened(self, file: str) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(io.BytesIO(self._read(file)))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise InspectorError(f"{file} on the search path is not a zip file: {error}") from error

    def content(self, path: str) -> bytes:
        """Return the bytes of a file. Raises `NotKept`, `NotFound`."""
        return self._content(path)

    def source(self, origin: str) -> str:
        """Return the text of a source. Raises as `decode_source`, and `NotKept`, `LimitExceeded`."""
        inside = next((file for file in self._zips if origin.startswith(f"{file}/")), None)
        if inside is None:
            node = self._folders.node(origin)
            if node is not None and node.size > MAX_SOURCE:
                raise LimitExceeded(f"{origin} has more than {MAX_SOURCE} bytes")
            return decode_source(self._content(origin))
        name = origin[len(inside) + 1 :]
        if self._zips[inside][name] > MAX_SOURCE:
            raise LimitExceeded(f"{origin} has more than {MAX_SOURCE} bytes")
        try:
            with self._opened(inside) as archive, archive.open(name) as file:
                return decode_source(file.read(MAX_SOURCE))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
            raise InspectorError(f"{origin} can't be unpacked: {error}") from error


def _as_named(found: Found, entry: str) -> Found:
    """Return what was found by the path that `import` writes: below the entry as it stands, its links not followed."""
    if found.entry == entry:
        return found
    at = len(found.entry.rstrip("/"))
    top = entry.rstrip("/")
    origin = None if found.origin is None else top + found.origin[at:]
    return Found(form=found.form, entry=entry, path=top + found.path[at:], origin=origin, loader=found.loader)
