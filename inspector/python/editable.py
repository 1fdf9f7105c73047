"""Editable installs whose import hook has a literal table (setuptools' `__editable___*_finder.py`), read as syntax.

Such a finder stands last on `sys.meta_path`, so whatever the search path has comes before it.
"""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.python.files import read_text
from inspector.python.folders import Folders
from inspector.python.literals import parse_literals
from inspector.python.model import Hook, Interpreter
from inspector.python.modules import Found, Suffixes, find_in
from inspector.python.pth import EDITABLE
from inspector.unknown import Unknown

MAX_SOURCE = 64 << 10
MAX_SOURCES = 1 << 20
"""Characters of one finder, and of all together: parsing the densest takes a second for each 150,000."""


def is_editable_hook(hook: Hook) -> bool:
    """Whether a hook only adds the finder of an editable install."""
    return hook.kind == "pth" and EDITABLE.fullmatch(hook.text) is not None


def find_editable(folders: Folders, interpreter: Interpreter, name: str, suffixes: Suffixes) -> Found | Unknown | None:
    """What the import hooks that run at start map the top-level `name` to; None if nothing."""
    unread = None
    left = MAX_SOURCES
    for hook in interpreter.hooks:
        module = EDITABLE.fullmatch(hook.text) if hook.kind == "pth" else None
        if module is None:
            continue
        text = _source(folders, interpreter, module[1])
        left -= len(text)
        if left < 0:
            return Unknown(f"the import hooks of editable installs have more than {MAX_SOURCES} characters")
        mapping = _mapping(text)
        if mapping is None:
            unread = Unknown(f"the import hook {module[1]} of an editable install can't be read")
            continue
        target = mapping.get(name)
        if isinstance(target, str) and target.startswith("/"):
            entry, _, last = target.rstrip("/").rpartition("/")
            found = find_in(folders, entry or "/", last, suffixes)
            if found is not None and found.form != "namespace":
                return found
    return unread


def _source(folders: Folders, interpreter: Interpreter, module: str) -> str:
    """The text of a finder, the first on the search path being the one imported; empty where it can't be read."""
    for entry in interpreter.search_path:
        try:
            text = read_text(folders.fs, f"{entry}/{module}.py")
        except InspectorError:
            return ""
        if text is not None:
            return text
    return ""


def _mapping(text: str) -> dict[object, object] | None:
    """The finder's table; None where it can't be read."""
    try:
        mapping = parse_literals(text, MAX_SOURCE).get("MAPPING")
    except ValueError:
        return None
    return mapping if isinstance(mapping, dict) else None
