"""Checks whether a user who is not root could read torch's sources; its libraries are the loader's matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.python.access import EXECUTE, READ, allowed
from inspector.python.files import names_in
from inspector.rootfs import Kind, Node
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.changed import own_sources, sums_unlike
from inspector.torchbuild.diagnostics import Diagnostic, Severity, some
from inspector.unknown import Tri

_BESIDE = ("torchgen",)
_LOADED_FROM = frozenset({"__pycache__", "lib", "bin", "include", "share", "test"})
"""Folders that hold no source which `import torch` reads."""
_READ_FIRST = ("torch/__init__", "torch/version", "typing_extensions")


def check_permissions(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the image's user may read all that `import torch` needs; doubtful where owners aren't told."""
    if torch.started.uid == 0:
        return
    site = torch.path.rpartition("/")[0]
    tops = [torch.path, *(f"{site}/{part}" for part in _BESIDE)]
    closed = [] if _all_open(torch, tops) else sorted(found for top in tops for found in _closed(torch, top))
    shut = [path for path, answer in closed if answer == "no"]
    doubtful = [path for path, answer in closed if answer == "unknown"]
    user = torch.started.user
    if shut:
        severity: Severity = "no" if torch.path in shut else "unknown"
        yield Diagnostic(severity, f"the user {user!r} is not allowed to read {some(shut)}", asks=severity == "unknown")
    if doubtful:
        yield Diagnostic("unknown", f"the user {user!r} may not be allowed to read {some(doubtful)}")
    for name in _READ_FIRST:
        yield from _unreadable(torch, f"{site}/{name}")


def _all_open(torch: Candidate, tops: Sequence[str]) -> bool:
    """Tell, if that is cheap, whether the user may list all folders where torch was found: they have few modes."""
    site = torch.found.entry
    below = torch.folders.below(site)
    if below is None or any(f"{site}/{path}" in tops for path in below.others):
        return False
    return all(allowed(folder, torch.started, READ | EXECUTE) == "yes" for folder in below.directories)


def _closed(torch: Candidate, top: str) -> Iterator[tuple[str, Tri]]:
    """List the folders at and below `top` that the user may not list."""
    todo = [top]
    while todo:
        path = todo.pop()
        node = torch.folders.node(path)
        if node is None or node.kind is not Kind.DIRECTORY:
            continue
        listed = allowed(node, torch.started, READ | EXECUTE)
        if listed != "yes":
            yield path, listed
            continue
        children = torch.folders.at(path).children
        inside = (name for name in names_in(children, ()) if name not in _LOADED_FROM)
        todo += [f"{path}/{name}" for name in inside if children[name].kind is Kind.DIRECTORY]


def _unreadable(torch: Candidate, module: str) -> Iterator[Diagnostic]:
    """Check a source that the user may not read, unless its bytecode spares reading it."""
    source = torch.folders.node(f"{module}.py")
    folder, _, name = module.rpartition("/")
    compiled = torch.folders.node(f"{folder}/__pycache__/{name}.cpython-{torch.suffixes.abi.removeprefix('cp')}.pyc")
    may_read = "yes" if source is None else allowed(source, torch.started, READ)
    if may_read == "yes":
        return
    spared = compiled is not None and allowed(compiled, torch.started, READ) == "yes"
    if source is None or (spared and not _is_newer(torch, f"{module}.py", source, compiled)):
        return
    text = f"PermissionError: [Errno 13] Permission denied: '{module}.py'"
    yield Diagnostic("unknown" if spared or may_read == "unknown" else "no", text)


def _is_newer(torch: Candidate, path: str, source: Node, compiled: Node | None) -> bool:
    """Tell whether a source came later than its bytecode and was edited: with its old time alone it is spared."""
    if compiled is None or (source.layer or 0) <= (compiled.layer or 0):
        return False
    return path in (*sums_unlike(torch)[0], *(each.path for each in own_sources(torch) if each.resized))
