"""Editable installs whose import hook has a literal table (setuptools' `__editable___*_finder.py`), read as syntax.

Such a finder stands last on `sys.meta_path`, so whatever the search path has comes before it.
"""

from __future__ import annotations

from functools import partial

from inspector.errors import InspectorError
from inspector.python.folders import Folders
from inspector.python.literals import parse_literals
from inspector.python.model import Hook, Interpreter
from inspector.python.modules import Found, Suffixes, find_in
from inspector.python.pth import EDITABLE
from inspector.python.sources import read_source
from inspector.unknown import Unknown

MAX_SOURCE = 64 << 10
"""Characters of one finder."""


def is_editable_hook(hook: Hook) -> bool:
    """Tell whether a hook only adds the finder of an editable install."""
    return hook.kind == "pth" and EDITABLE.fullmatch(hook.text) is not None


def find_editable(folders: Folders, interpreter: Interpreter, name: str, suffixes: Suffixes) -> Found | Unknown | None:
    """Return what the import hooks that run at start map the top-level `name` to; None if nothing."""
    unread = None
    for hook in interpreter.hooks:
        module = EDITABLE.fullmatch(hook.text) if hook.kind == "pth" else None
        if module is None:
            continue
        mapping = folders.once("finder", module[1], partial(_mapping, folders, interpreter, module[1]))
        if isinstance(mapping, str):
            unread = Unknown(f"the import hook {module[1]} of an editable install can't be read: {mapping}")
            continue
        target = mapping.get(name)
        if isinstance(target, str) and target.startswith("/"):
            entry, _, last = target.rstrip("/").rpartition("/")
            found = find_in(folders, entry or "/", last, suffixes)
            if found is not None and found.form != "namespace":
                return found
    return unread


def _mapping(folders: Folders, interpreter: Interpreter, module: str) -> dict[object, object] | str:
    """Return the finder's table, the first on the search path being the one imported.

    Why it can't be read, where it can't.
    """
    for entry in interpreter.search_path:
        try:
            text = read_source(folders.fs, f"{entry}/{module}.py")
            if text is None:
                continue
            if len(text) <= MAX_SOURCE:
                folders.count_parsed(len(text))
            mapping = parse_literals(text, MAX_SOURCE).get("MAPPING")
        except (InspectorError, ValueError) as error:
            return str(error)
        return mapping if isinstance(mapping, dict) else "it has no table MAPPING"
    return "it is missing"
