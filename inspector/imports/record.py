"""Files that an installer put beside compiled modules, and that are gone or changed.

Compiled code imports modules that no source shows, and code makes names that may be submodules. Both find them in an
image as it was installed; where RECORD says that such a file isn't as it was, what the import does is not known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from inspector.errors import InspectorError
from inspector.imports.finder import ReadContent
from inspector.imports.modules import Modules
from inspector.python.folders import Folders
from inspector.python.record import Rows, absolute
from inspector.rootfs import Kind

MAX_TOLD = 3
"""Files that a reason names."""
MAX_COMPILED = 64 << 20
"""Bytes of compiled modules that are searched for names."""
_HIDES = (b"__mypyc", b"decompress")
"""Signs that a compiled module keeps its names elsewhere (mypyc), or packed (Cython)."""
_METADATA = (".dist-info", ".egg-info")
_CODE = (".py", ".so")


def unlike_record(modules: Modules, folders: Folders, content: ReadContent, *, functions: bool = True) -> list[str]:
    """Say which files that may be imported are missing, or of another size than RECORD has it.

    Unless `functions`, what only functions import that are not called is left out.
    """
    return _Comparison(modules, folders, content, functions=functions).run()


class _Comparison:
    """`_names` are names that were taken on trust, and `_compiled` the compiled modules, by their folders."""

    def __init__(self, modules: Modules, folders: Folders, content: ReadContent, *, functions: bool) -> None:
        self._folders = folders
        self._content = content
        self._left = MAX_COMPILED
        self._mentioned = modules.mentioned if functions else set[str]()
        self._tops = {each.found.entry for each in modules.modules.values() if each.found is not None}
        loaded = [each for each in modules.modules.values() if each.found is not None and not each.maybe]
        self._known = {each.origin for each in loaded if each.opened != "unknown"}
        self._names: dict[str, set[str]] = {}
        self._compiled: dict[str, list[str]] = {}
        self._bytes: dict[str, bytes | None] = {}
        for name, member in modules.trusted:
            for path in modules.modules[name].paths[:1] if name in modules.modules else ():
                self._names.setdefault(path, set()).add(member)
        for each in loaded:
            if each.found is not None and each.found.loader == "extension":
                self._compiled.setdefault(posixpath.dirname(each.origin), []).append(each.origin)

    def run(self) -> list[str]:
        """Return all that is unlike, at most `MAX_TOLD`."""
        found: list[str] = []
        for site in sorted({_site(place) for place in (*self._names, *self._compiled, *self._tops)} - {""}):
            for name in sorted(self._folders.at(site).children):
                if name.endswith(_METADATA) and len(found) < MAX_TOLD:
                    found += self._of_distribution(site, name)
        return found[:MAX_TOLD]

    def _of_distribution(self, site: str, name: str) -> Iterator[str]:
        try:
            content = self._folders.fs.read(f"{self._folders.at(site).path}/{name}/RECORD")
        except InspectorError:
            return
        rows = Rows(content)
        self._folders.count_rows(rows.most)
        for path, _, stated in rows:
            whole = absolute(site, path)
            if not path.endswith(_CODE) or ".." in path:
                continue
            mentioned = _module_of(path) in self._mentioned
            if not mentioned and not self._is_near(whole):
                continue
            node = self._folders.node(whole)
            gone = node is None or node.kind is not Kind.FILE
            changed = node is not None and stated.isdigit() and stated != str(node.size) and whole not in self._known
            if (gone or changed) and (mentioned or self._may_be_asked(whole)):
                told = "is missing" if gone else "was changed"
                who = "a function" if mentioned else "compiled code"
                yield f"{whole} {told} since {name} was installed, and {who} may import it"

    def _is_near(self, path: str) -> bool:
        folder = posixpath.dirname(path)
        return folder in self._compiled or folder in self._names or posixpath.dirname(folder) in self._names

    def _may_be_asked(self, path: str) -> bool:
        folder, name = posixpath.split(path)
        stem = name.partition(".")[0]
        above = posixpath.dirname(folder) if stem == "__init__" else folder
        asked = posixpath.basename(folder) if stem == "__init__" else stem
        if asked in self._names.get(above, ()):
            return True
        return any(self._mentions(each, stem.encode()) for each in self._compiled.get(folder, ()))

    def _mentions(self, compiled: str, stem: bytes) -> bool:
        """Tell whether a compiled module has the name among its bytes; one that can't be read may."""
        if compiled not in self._bytes:
            self._bytes[compiled] = self._read(compiled)
        content = self._bytes[compiled]
        return content is None or stem in content or any(sign in content for sign in _HIDES)

    def _read(self, compiled: str) -> bytes | None:
        try:
            content = self._content(compiled) if self._left > 0 else None
        except InspectorError:
            return None
        self._left -= len(content or b"")
        return content


def _module_of(path: str) -> str:
    folder, name = posixpath.split(path)
    stem = name.partition(".")[0]
    return folder.replace("/", ".") if stem == "__init__" else f"{folder}/{stem}".strip("/").replace("/", ".")


def _site(place: str) -> str:
    head, mark, _ = f"{place}/".rpartition("-packages/")
    return f"{head}-packages" if mark else ""
