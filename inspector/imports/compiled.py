"""Names that compiled modules of the standard library certainly lack: each that they make stands among their bytes."""

from __future__ import annotations

from collections.abc import Callable

from inspector.errors import InspectorError
from inspector.imports.finder import Finder
from inspector.imports.opening import Opener
from inspector.imports.state import Loaded, Raised, origin_of

_OWN = "/lib-dynload/"
MAX_KEPT = 40 << 20
"""Bytes of compiled modules that are held at once: those of the interpreter, and of some that are small."""


class CompiledNames:
    """Looks for names in extension modules, and in the interpreter for those that are built in."""

    def __init__(self, finder: Finder, opener: Opener) -> None:
        self._finder = finder
        self._opener = opener
        self._kept: dict[str, bytes | None] = {}

    def check(self, module: Loaded, name: str, where: str, changed: Callable[[str], bool]) -> None:
        """Raise `Raised` where a changed source asks a compiled module for a name that it lacks."""
        if where and changed(origin_of(where)) and self.lacks(module, name):
            raise Raised("ImportError", f"cannot import name {name!r} from {module.name!r}", where)

    def lacks(self, module: Loaded, name: str) -> bool:
        """Tell whether no text among the bytes of a compiled module ends with the name."""
        if module.opened != "compiled" or name.startswith("__"):
            return False
        if module.found is None:
            files = self._opener.interpreter_files if module.name in self._opener.built_in else []
        else:
            files = [module.origin] if _OWN in module.origin else []
        contents = map(self._read, files)
        return bool(files) and not any(each is None or name.encode() + b"\0" in each for each in contents)

    def _read(self, file: str) -> bytes | None:
        """Return a file's bytes; the last ones are kept, since names of few modules are asked for again and again."""
        if file not in self._kept:
            try:
                content = self._finder.content(file)
            except InspectorError:
                content = None
            if sum(len(each or b"") for each in (content, *self._kept.values())) > MAX_KEPT:
                self._kept.clear()
            self._kept[file] = content
        return self._kept[file]
