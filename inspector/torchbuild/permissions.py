"""Checks whether a user who is not root could read torch: its folders listed, its libraries mapped.

Owners are not kept, so what only its owner or group may read is not known, never known to fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector.python.files import names_in
from inspector.rootfs import Kind
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some

_PARTS = ("torchgen", "torch.libs", "nvidia")
_LOOKED_AT = ("lib", "libtorch_cpu.so", "libtorch_python.so")
_LIST = 0o005
_READ = 0o004


def check_permissions(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the image's user may read all that `import torch` needs."""
    if torch.started.uid == 0:
        return
    site = torch.path.rpartition("/")[0]
    tops = [torch.path, *(f"{site}/{part}" for part in _PARTS)]
    closed = sorted(path for top in tops for path in _closed(torch, top))
    if closed:
        yield Diagnostic("unknown", f"the user {torch.started.user!r} may not be allowed to read {some(closed)}")


def _closed(torch: Candidate, top: str) -> Iterator[str]:
    """List the folders at and below `top` that others may not list, and the libraries there that they may not read."""
    todo = [top]
    while todo:
        path = todo.pop()
        node = torch.folders.node(path)
        if node is None or node.kind is not Kind.DIRECTORY:
            continue
        if node.mode & _LIST != _LIST:
            yield path
            continue
        children = torch.folders.at(path).children
        for name in names_in(children, _LOOKED_AT):
            child = children[name]
            if child.kind is Kind.DIRECTORY:
                todo.append(f"{path}/{name}")
            elif child.kind is Kind.FILE and ".so" in name and not child.mode & _READ:
                yield f"{path}/{name}"
