"""Follows `import torch` source by source, where files differ from what was installed, to settle what that does."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from inspector.errors import InspectorError
from inspector.imports.find import Asked, follow
from inspector.python.bytecode import HEAD, fault_of, is_unchecked_of_another, may_be_used, state_of
from inspector.python.code_objects import is_cut
from inspector.python.folders import Folders
from inspector.rootfs import resolve
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.changed import (
    changed_sources,
    compiled_of,
    gone_modules,
    layer_of_record,
    listed_sources,
    sums_unlike,
)
from inspector.torchbuild.diagnostics import Diagnostic, importable
from inspector.torchbuild.standard_library import standard_library_of
from inspector.work.parsing import parse_python

_NOT_PROVED = re.compile(
    r"where torch's extension module should$|version\.py can't be read: it runs code |: it is not PyTorch's own$"
)
"""What following can't prove to work: libraries that were not looked at, or code that is not worked out."""


def settle(torch: Candidate, found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the diagnostics with those that ask replaced by what following the import says."""
    assert torch.content is not None
    origins = _Origins(torch)
    asked = Asked(
        fs=torch.folders.fs,
        environment=torch.started,
        interpreter=torch.interpreter,
        content=torch.content,
        changed=origins.is_changed,
        refused=origins.refusal,
        trusted=True,
        gone=gone_modules(torch),
    )
    try:
        answer = follow(asked, "torch")
    except (InspectorError, RecursionError) as error:
        return [*found, Diagnostic("unknown", f"its sources can't be followed: {error}")]
    left = [each for each in found if not each.asks]
    if answer.importable != "yes":
        asking = [each for each in found if each.asks]
        certain = answer.importable == "no" and importable(left) == "yes"
        return [
            *left,
            *(Diagnostic("note", each.text, each.path) for each in asking),
            *(Diagnostic("no" if certain else "unknown", text) for text in answer.reasons),
        ]
    home = answer.path and torch.folders.at(answer.path).path
    if home != torch.folders.at(torch.path).path:
        return [*found, Diagnostic("unknown", f"`import torch` finds {answer.path!r}")]
    if origins.spared and not origins.is_rest_installed():
        text = f"{min(origins.spared)!r} is not what Python loads: what its bytecode imports is not known"
        return [*found, Diagnostic("unknown", text)]
    compiled = origins.compiled and any(each.asks and each.severity == "unknown" for each in found)
    if compiled or any(_NOT_PROVED.search(each.text) for each in found):
        return list(found)  # bytecode is not followed; and sources tell that an import fails, not that libraries load
    return [Diagnostic("note", each.text, each.path) if each.asks else each for each in found]


_AS_INSTALLED = ("", "")
"""Of a source that was edited and has its old time again: Python loads the bytecode of what was installed."""


def _may_be_of(compiled: bytes, source: bytes) -> bool:
    """Tell whether bytecode holds all that a source imports or raises, by name."""
    try:
        tree = parse_python(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.Raise):
            names.update(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
    return all(name.encode() in compiled for name in names)


class _Origins:
    """Tells of the files that modules are loaded from; `compiled` counts those that are bytecode alone."""

    def __init__(self, torch: Candidate) -> None:
        self._torch = torch
        self._folders: Folders = torch.folders
        self._changed = changed_sources(torch)
        self._layer = layer_of_record(torch)
        self._listed = frozenset(torch.folders.real(path) or path for path in listed_sources(torch))
        named = {distribution.key for distribution in torch.installed}
        known = [torch.found.entry, standard_library_of(torch) or ""]
        self._known = tuple(f"{folder}/" for folder in known if folder)
        self._stray = "" if "numpy" in named else f"{torch.found.entry}/numpy/"
        self._minor = ".".join(torch.interpreter.version.split(".")[:2])
        self.compiled = 0
        self.spared: set[str] = set()

    def is_changed(self, origin: str) -> bool:
        """Tell whether a source is not as it was installed, or was not: what it runs is looked at closely."""
        real = resolve(self._folders.fs, origin) or origin
        stray = (
            not real.startswith(self._known)
            or real.startswith(f"{self._torch.path}/_C/")
            or (self._listed and real.startswith(f"{self._torch.path}/") and real not in self._listed)
            or (self._stray and real.startswith(self._stray))
        )
        return bool(stray) or real in self._changed

    def is_rest_installed(self) -> bool:
        """Tell whether all sources but those whose bytecode is loaded are as they were installed."""
        spared = {resolve(self._folders.fs, each) or each for each in self.spared}
        return not (self._changed - spared) and not gone_modules(self._torch)

    def refusal(self, name: str, origin: str) -> tuple[str, str] | None:
        """Return the error that Python raises for a module's bytecode, `?` where it isn't known; None where it loads.

        A source's bytecode is looked at where it came later than the source, or the source was changed.
        """
        if origin.endswith(".pyc"):
            self.compiled += 1
            return self._alone(name, origin)
        compiled = compiled_of(self._torch, origin)
        source, node = self._folders.node(origin), compiled and self._folders.node(compiled)
        if not compiled or not node or not source or node.layer is None or self._torch.path not in compiled:
            return None
        later = node.layer > (source.layer or 0)
        if not later and not self.is_changed(origin):
            return None
        try:
            return self._of_both(name, origin, compiled, later=later)
        except InspectorError:
            return None

    def _of_both(self, name: str, origin: str, compiled: str, *, later: bool) -> tuple[str, str] | None:
        """Return the same of bytecode beside its source, which a `later` layer brought or which is as installed."""
        content, text = self._read(compiled), self._read(origin)
        if is_unchecked_of_another(content, text):
            return "?", f"{compiled!r} is used unchecked, and was compiled of another source"
        modified = self._modified(origin)
        if not may_be_used(content, text, self._minor, modified) or not (later or modified is not None):
            return None
        if later and origin.rpartition("/")[2].encode() not in content and not is_cut(content[HEAD:], self._minor):
            return "?", f"{compiled!r} was compiled of another file, and may be used"
        fault = fault_of(content, name, compiled, self._minor)
        return fault or (None if later else self._as_installed(origin, content, text, modified))

    def _as_installed(self, origin: str, content: bytes, text: bytes, modified: int | None) -> tuple[str, str] | None:
        """Tell of an edited source that Python loads the bytecode of what was installed, for its time is the old one.

        Not so of bytecode that may have been compiled of the edited one: that has every name which it imports.
        """
        edited = (resolve(self._folders.fs, origin) or origin) in sums_unlike(self._torch)[0]
        if not edited or modified is None or content[4:8] != bytes(4) or _may_be_of(content, text):
            return None
        self.spared.add(origin)
        return _AS_INSTALLED

    def _modified(self, origin: str) -> int | None:
        """Return when a source was last written; None where what reads the files doesn't know."""
        modified = getattr(self._torch.content, "modified", None)
        found: int | None = modified(origin) if modified is not None else None
        return found

    def _alone(self, name: str, origin: str) -> tuple[str, str] | None:
        try:
            content = self._read(origin)
        except InspectorError as error:
            return "?", f"{origin!r} is bytecode, and whether it is of this Python is not known: {error}"
        state = state_of(content, self._minor)
        if state == "own":
            node = self._folders.node(origin)
            later = node is not None and node.layer != self._layer  # else there may be a thousand of them
            return fault_of(content if later else content[: HEAD + 1], name, origin, self._minor if later else "")
        if state == "unknown":
            return "?", f"{origin!r} is bytecode, and whether Python {self._minor} loads it is not known"
        return "ImportError", f"bad magic number in {name!r}: {origin!r} is no bytecode of Python {self._minor}"

    def _read(self, path: str) -> bytes:
        assert self._torch.content is not None
        return self._torch.content(resolve(self._folders.fs, path) or path)
