"""Reads torch/version.py as syntax: which build it says it is."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inspector.errors import InspectorError, Malformed
from inspector.python.files import list_dir, names_in
from inspector.python.folders import Folders
from inspector.python.literals import NOT_LITERAL, parse_literals
from inspector.python.sources import read_source
from inspector.rootfs import Kind, NotKept, Rootfs
from inspector.torchbuild.kinds import version_fields

MAX_SOURCE = 8 << 10
"""Characters of a version.py that is read; torch writes some 300, and a package may lie in hundreds of places."""
MAX_VALUE = 200
"""Characters of a field that are kept."""


BYTECODE = "its version.py is there as bytecode alone, so that what it states is not known"
"""Why version.py can't be read where Python imports version.pyc."""


class VersionFile(msgspec.Struct, frozen=True):
    """What torch/version.py says. A field that it does not have is not in `fields`; None there is the file's own None.

    `version` is None where it states none; `unstated` tells that it does not even have the name. `odd` names
    fields whose value is neither None nor a text: they decide nothing. `computed` names those, the version among them,
    that are given by other than a literal, so that working them out may fail.
    """

    version: str | None = None
    fields: dict[str, str | None] = {}
    odd: tuple[str, ...] = ()
    unstated: bool = False
    computed: tuple[str, ...] = ()

    def get(self, field: str) -> str | None:
        """Return a field's text; None where it is None or missing, which mean the same build."""
        return self.fields.get(field)

    @property
    def is_torch(self) -> bool:
        """Test whether it reads like torch's own and not like the version.py of something else."""
        return self.version is not None and bool(self.fields or self.odd)


def read_version_file(
    folders: Folders, path: str, endings: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> VersionFile | str:
    """Read the version.py at `path`, links followed; return a clause that says why, where it can't be read.

    `variables` are those of the Python that imports it, if one does. `endings` are those of extension modules that
    are looked for where its directory can't be listed.
    """
    node = folders.node(path)
    hiding = _hiding(folders.fs, path, (*endings, ".abi3.so", ".so"))
    if hiding:
        return f"its version.py is not what Python imports: {hiding!r} goes before it"
    if node is None or node.kind is not Kind.FILE:
        return BYTECODE if folders.is_file(f"{path}c") else "its version.py is missing"
    what = "version.py" if variables is None else "version.py in an environment"
    return folders.once(what, node.inode or path, lambda: _read(folders, path, variables))


def _read(folders: Folders, path: str, variables: Mapping[str, str] | None) -> VersionFile | str:
    """Decode and parse the file as CPython does."""
    try:
        text = read_source(folders.fs, path) or ""
        if not text.strip():
            return "its version.py is empty"
        if len(text) <= MAX_SOURCE:
            folders.count_parsed(len(text))
        values = parse_literals(text, MAX_SOURCE, variables)
    except NotKept:
        return "its version.py can't be read: its bytes were not kept"
    except Malformed as error:
        return f"its version.py can't be read: {error}, which is a SyntaxError"
    except (InspectorError, ValueError) as error:
        return f"its version.py can't be read: {error}"
    return _stated(values)


def _stated(values: Mapping[str, Any]) -> VersionFile:
    stated = {name: values[name] for name in ("__version__", *version_fields()) if name in values}
    good = {name: value for name, value in stated.items() if value is None or (isinstance(value, str) and value)}
    fields = {name: value[:MAX_VALUE] if value else value for name, value in good.items() if name != "__version__"}
    version = good.get("__version__")
    return VersionFile(
        version[:MAX_VALUE] if version else version,
        fields,
        odd=tuple(sorted(stated.keys() - good.keys())),
        unstated="__version__" not in stated,
        computed=tuple(sorted(name for name, value in stated.items() if value is NOT_LITERAL)),
    )


def _hiding(fs: Rootfs, path: str, endings: Sequence[str]) -> str | None:
    """Find what is imported before version.py of the same directory: a package of that name, or an extension."""
    folder = posixpath.dirname(path)
    beside, inside = list_dir(fs, folder), list_dir(fs, f"{folder}/version")
    inits = (f"__init__{ending}" for ending in (*endings, ".py", ".pyc"))
    if any(name.startswith("__init__.") for name in names_in(inside, inits)):
        return "version"
    modules = names_in(beside, (f"version{ending}" for ending in endings))
    return next((name for name in modules if name.startswith("version.") and name.endswith(".so")), None)
