"""Checks whether a user who is not root could read torch: its folders listed, its libraries mapped."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.python.access import EXECUTE, READ, allowed
from inspector.python.files import names_in
from inspector.rootfs import Kind
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, Severity, some
from inspector.unknown import Tri

_PARTS = ("torchgen", "torch.libs", "nvidia")
_LOOKED_AT = ("lib", "libtorch_cpu.so", "libtorch_python.so")


def check_permissions(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the image's user may read all that `import torch` needs; doubtful where owners aren't told."""
    if torch.started.uid == 0:
        return
    site = torch.path.rpartition("/")[0]
    tops = [torch.path, *(f"{site}/{part}" for part in _PARTS)]
    closed = sorted(found for top in tops for found in _closed(torch, top))
    shut = [path for path, answer in closed if answer == "no"]
    doubtful = [path for path, answer in closed if answer == "unknown"]
    user = torch.started.user
    if shut:
        severity: Severity = "no" if torch.path in shut else "unknown"
        yield Diagnostic(severity, f"the user {user!r} is not allowed to read {some(shut)}")
    if doubtful:
        yield Diagnostic("unknown", f"the user {user!r} may not be allowed to read {some(doubtful)}")


def _closed(torch: Candidate, top: str) -> Iterator[tuple[str, Tri]]:
    """List the folders at and below `top` that the user may not list, and the libraries in them it may not read."""
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
        for name in names_in(children, _LOOKED_AT):
            child = children[name]
            if child.kind is Kind.DIRECTORY:
                todo.append(f"{path}/{name}")
            elif child.kind is Kind.FILE and ".so" in name and (mapped := allowed(child, torch.started, READ)) != "yes":
                yield f"{path}/{name}", mapped
