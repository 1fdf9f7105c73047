"""Finds Python files that are not as they were installed: put in place by a later layer, or of another size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.record import Rows, absolute
from inspector.rootfs import Kind, Node
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.completeness import is_read, record_of
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.standard_library import PACKAGES, PARTS, standard_library_of

FEW = 20
"""Files of the standard library, or byte-compiled ones of torch, that a later layer brought to change them: an upgrade,
or a first import, brings more."""
_BESIDE = frozenset({"typing-extensions", "numpy"})
"""Distributions that every `import torch` asks for, some only if they are there."""


def layer_of_record(torch: Candidate) -> int | None:
    """Return the layer that torch was installed in; that of its `__init__` where no RECORD tells."""
    distribution = torch.distribution
    node = torch.folders.node(f"{distribution.path}/RECORD") if distribution else None
    node = node or torch.folders.node(torch.found.origin or torch.path)
    return node.layer if node else None


def compiled_of(torch: Candidate, origin: str) -> str:
    """Return where Python keeps the bytecode of a source; empty where it keeps none."""
    folder, _, name = origin.rpartition("/")
    tag = torch.suffixes.abi.removeprefix("cp")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{tag}.pyc" if name.endswith(".py") else ""


def check_changed(torch: Candidate) -> Iterator[Diagnostic]:
    """Report sources of torch, and of what it imports beside, that were changed since they were installed."""
    nodes = _own(torch)
    layer = layer_of_record(torch)
    changed = [path for path, _, node in nodes if node.layer != layer]
    if changed:
        text = f"sources of torch that another layer brought ({len(changed)}): {some(changed)}"
        yield Diagnostic("note", text, asks=True)
    compiled = [path for path, _, node in nodes if _is_compiled_later(torch, path, node)]
    if 0 < len(compiled) <= FEW:
        text = f"sources whose bytecode a later layer brought ({len(compiled)}): {some(compiled)}"
        yield Diagnostic("note", text, asks=True)
    for other in _beside(torch):
        unlike = _unlike(torch, other)
        if unlike:
            text = f"sources of {other.name} that are not as they were installed ({len(unlike)}): {some(unlike)}"
            yield Diagnostic("note", text, asks=True)


def check_library_parts(torch: Candidate) -> Iterator[Diagnostic]:
    """Report parts of the standard library that are gone, and sources of it that a later layer brought."""
    library = standard_library_of(torch)
    if library is None:
        return
    gone = [part for part in PARTS if not _has(torch.folders, f"{library}/{part}")]
    if gone and len(gone) < len(PARTS) // 2:
        yield Diagnostic("note", f"the standard library lacks {some(gone)}", asks=True)
    later = _later(torch, library)
    if later:
        text = f"sources of the standard library that a later layer brought ({len(later)}): {some(later)}"
        yield Diagnostic("note", text, asks=True)


def changed_sources(torch: Candidate) -> frozenset[str]:
    """Return the sources of torch, of what it imports beside and of the standard library that were changed."""
    layer, library = layer_of_record(torch), standard_library_of(torch)
    own = (
        path
        for path, stated, node in _own(torch)
        if node.layer != layer or (stated.isdigit() and stated != str(node.size))
    )
    beside = (path for other in _beside(torch) for path in _unlike(torch, other))
    return frozenset((*own, *beside, *(_later(torch, library) if library else ())))


def gone_modules(torch: Candidate) -> frozenset[str]:
    """Return the modules of torch whose files RECORD lists, and that are missing."""
    site = f"{torch.distribution.site.rstrip('/')}/" if torch.distribution else "/"
    gone = (path for path, _ in _listed(torch.folders, torch.distribution) if not _is_there(torch, path))
    names = (path.removeprefix(site).removesuffix(".py").removesuffix("/__init__") for path in gone)
    return frozenset(name.replace("/", ".") for name in names)


def _is_there(torch: Candidate, path: str) -> bool:
    return any(torch.folders.is_file(each) for each in (path, f"{path}c"))


def _own(torch: Candidate) -> list[tuple[str, str, Node]]:
    """List the sources of torch that are there, with the sizes that RECORD states."""
    rows = list(_listed(torch.folders, torch.distribution)) or [(path, "") for path in _on_disk(torch)]
    return [(path, stated, node) for path, stated in rows if (node := torch.folders.node(path)) is not None]


def _beside(torch: Candidate) -> list[Installed]:
    return [each for each in torch.installed if each.key in _BESIDE and each.key != "torch"]


def _unlike(torch: Candidate, other: Installed) -> list[str]:
    """List the sources of another distribution that are not as its RECORD has them."""
    record = torch.folders.node(f"{other.path}/RECORD")
    unlike = []
    for path, stated in _listed(torch.folders, other):
        node = torch.folders.node(path)
        same = node is not None and record is not None and node.layer == record.layer
        if not same or (node is not None and stated.isdigit() and stated != str(node.size)):
            unlike.append(path)
    return unlike


def _later(torch: Candidate, library: str) -> list[str]:
    """List the sources of the standard library that a later layer than most of them brought, if only a few."""
    layers = {
        f"{folder}/{name}": node.layer
        for folder in (library, *(f"{library}/{package}" for package in PACKAGES))
        for name, node in torch.folders.at(folder).children.items()
        if name.endswith(".py")
    }
    usual = Counter(layers.values()).most_common(1)
    later = [path for path, layer in layers.items() if layer is not None and layer > (usual[0][0] or 0)]
    return later if len(later) <= FEW else []


def _listed(folders: Folders, distribution: Installed | None) -> Iterator[tuple[str, str]]:
    """List the sources that a RECORD names, with their sizes: of torch those that its import may read."""
    site = distribution.site if distribution else "/"
    own = distribution is not None and distribution.key == "torch"
    for path, stated in Rows(record_of(folders, distribution) or b""):
        if path.endswith(".py") and (is_read(path) if own else "/tests/" not in path):
            folders.count_rows(1)
            yield absolute(site, path), stated


def _on_disk(torch: Candidate) -> list[str]:
    return [path for path, _ in torch.folders.files_below(torch.path) if path.endswith(".py")]


def _is_compiled_later(torch: Candidate, path: str, source: Node) -> bool:
    node = torch.folders.node(compiled_of(torch, path))
    return node is not None and node.layer is not None and node.layer > (source.layer or 0)


def _has(folders: Folders, module: str) -> bool:
    node = folders.node(f"{module}.py") or folders.node(f"{module}/__init__.py")
    return (node is not None and node.kind is Kind.FILE) or folders.is_file(f"{module}.pyc")
