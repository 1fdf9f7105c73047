"""Checks for the modules beside torch that a bare `import torch` can't do without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.editable import find_editable
from inspector.python.folders import Folders
from inspector.python.metadata import canonical
from inspector.python.modules import find_modules
from inspector.python.requirements import satisfies
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic
from inspector.torchbuild.plugins import diagnose
from inspector.unknown import Tri, Unknown

MAX_PLUGINS = 20
"""Backend plugins that are looked for; each takes a search of the whole path."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_ENTRY = r"([^=\n]{1,200})=\s{0,9}([\w.]{1,300}(?:\s{0,9}:\s{0,9}[\w.]{1,300})?)"


def check_companions(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that torchgen, typing_extensions and, for some releases, sympy are on the search path."""
    if torch.distribution is not None and torch.distribution.cut:
        yield Diagnostic("unknown", "torch's metadata can't be read, or not whole, so what it requires is not known")
    if torch.since(2, 3):
        yield from _needs(torch, "torchgen", "the package torchgen is missing, which torch imports from 2.3 on")
    if torch.since(1, 13):
        yield from _needs(torch, "typing_extensions", "the module typing_extensions is missing, which torch imports")
        yield from _too_old(torch, "typing-extensions")
    if torch.release == (2, 1):
        yield from _needs(torch, "sympy", "the package sympy is missing, which torch 2.1 imports")
    if torch.release in ((2, 0), (2, 2)) and _findable(torch, "sympy") != "yes":
        text = "the package sympy is missing, and whether this release imports it is not known"
        yield Diagnostic("unknown", text, asks=True)


def check_plugins(torch: Candidate) -> Iterator[Diagnostic]:
    """Check the entry points of the group `torch.backends`, which torch loads from 2.5 on by default."""
    if not torch.since(2, 5) or torch.environment.get("TORCH_DEVICE_BACKEND_AUTOLOAD", "1") != "1":
        return
    for owner, entry in islice(_plugins(torch), MAX_PLUGINS):
        module = entry.partition(":")[0]
        if not module:
            yield _unread(torch, owner, entry)
            continue
        gone = f"the backend plugin {module!r} of {owner!r} is missing, which torch loads"
        missing = list(_needs(torch, module.partition(".")[0], gone))
        yield from missing or [diagnose(torch, entry, owner)]


def _unread(torch: Candidate, owner: str, entry: str) -> Diagnostic:
    """Say what entry points that can't be read do; `entry` has the line at which importlib.metadata fails, if any."""
    if not entry:
        return Diagnostic("unknown", f"the entry points of {owner!r}, which torch may load, can't be read")
    known = torch.interpreter.version.startswith(("3.10.", "3.11.", "3.12.", "3.13."))
    text = f"the entry points of {owner!r}, among which torch looks for its own, can't be parsed: {entry[1:]}"
    return Diagnostic("no" if known else "unknown", text)


def _too_old(torch: Candidate, key: str) -> Iterator[Diagnostic]:
    """Check that what is installed of `key` is of the versions that torch's metadata asks for."""
    found = next((one for one in torch.installed if one.key == key), None)
    stated = torch.distribution.requires if torch.distribution else ()
    text = next((text for text in stated if (name := _NAME.match(text)) and canonical(name[0]) == key), None)
    if found is None or text is None:
        return
    if not satisfies(found.version, text):
        told = f"torch asks for {text!r}, and {found.name} {found.version} is installed"
        yield Diagnostic("unknown", told, asks=True)


def _needs(torch: Candidate, name: str, gone: str) -> Iterator[Diagnostic]:
    match _findable(torch, name):
        case "no":
            yield Diagnostic("no", gone)
        case "unknown":
            yield Diagnostic("unknown", f"{gone}; an archive or import hook may bring it in", asks=True)
        case "yes":
            return


def _findable(torch: Candidate, name: str) -> Tri:
    """Decide whether `import name` finds a package or module."""
    path = torch.interpreter.search_path
    entries = sorted(path, key=lambda entry: torch.folders.at(entry).path != torch.found.entry)  # likely beside torch
    forms = set()
    for found in find_modules(torch.folders, entries, name, torch.suffixes):
        if found.form in ("package", "module"):
            return "yes"
        forms.add(found.form)
    editable = find_editable(torch.folders, torch.interpreter, name, torch.suffixes)
    if isinstance(editable, Unknown) or (editable is None and "archive" in forms):
        return "unknown"
    return "no" if editable is None else "yes"


def _plugins(torch: Candidate) -> Iterator[tuple[str, str]]:
    """List distribution and entry of each backend plugin; no entry where its entry points can't be read."""
    for distribution in torch.installed:
        node = torch.folders.node(f"{distribution.path}/entry_points.txt")
        if node is None:
            continue
        content = node.inode or distribution.path
        try:
            found = torch.folders.once(
                "entry points", content, partial(_entry_points, torch.folders, distribution.path)
            )
        except InspectorError:
            found = [""]
        yield from ((distribution.name, entry) for entry in found)


def _entry_points(folders: Folders, path: str) -> list[str]:
    """List the entries `module:function` of backend plugins in the metadata at `path`. Raises `InspectorError`."""
    content = read_metadata(folders, path, "entry_points.txt") or b""
    folders.budget.spend("steps", len(content) // 2, "bytes of entry points")
    wrong = _wrong_line(content)
    if wrong:
        return [f":{wrong}"]
    return list(_entries(content.decode("utf-8", "replace"))) if b"torch.backends" in content else []


def _wrong_line(content: bytes) -> str:
    """Return why importlib.metadata fails at entry points: whatever their section is, all are parsed."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            inside = True
        elif inside and line and not line.startswith("#") and "=" not in line:
            return f"{line[:100]!r} has no value"
    return ""


def _entries(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == "[torch.backends]"
        elif inside and (entry := re.match(_ENTRY, line.strip())):
            yield re.sub(r"\s", "", entry[2])
