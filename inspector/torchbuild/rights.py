"""Whether a user who is not root could read torch: its folders listed, its libraries mapped."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.python.access import EXECUTE, READ, allowed
from inspector.python.files import names_in
from inspector.rootfs import Kind
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.reasons import Reason, Weight, some
from inspector.unknown import Tri

_PARTS = ("torchgen", "torch.libs", "nvidia")
_LOOKED_AT = ("lib", "libtorch_cpu.so", "libtorch_python.so")


def check_rights(torch: Candidate) -> Iterator[Reason]:
    """Nothing that `import torch` needs is closed to the image's user; doubtful where owners aren't told."""
    if torch.started.uid == 0:
        return
    site = torch.path.rpartition("/")[0]
    tops = [torch.path, *(f"{site}/{part}" for part in _PARTS)]
    closed = sorted(found for top in tops for found in _closed(torch, top))
    shut = [path for path, answer in closed if answer == "no"]
    doubtful = [path for path, answer in closed if answer == "unknown"]
    user = torch.started.user
    if shut:
        weight: Weight = "no" if torch.path in shut else "unknown"
        yield Reason(weight, f"the user {user!r} is not allowed to read {some(shut)}")
    if doubtful:
        yield Reason("unknown", f"the user {user!r} may not be allowed to read {some(doubtful)}")


def _closed(torch: Candidate, top: str) -> Iterator[tuple[str, Tri]]:
    """The folders at and below `top` that the user may not list, and the libraries in them that it may not read."""
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
