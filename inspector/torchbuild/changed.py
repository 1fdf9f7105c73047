"""Finds Python files that are not as they were installed: put in place by a later layer, of another size or sum."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.modules import find_in
from inspector.python.record import Row, absolute, sum_in
from inspector.rootfs import Kind, Node, NotKept, sums_in
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.completeness import is_read, rows_of
from inspector.torchbuild.diagnostics import Diagnostic, counted, some
from inspector.torchbuild.standard_library import PACKAGES, PARTS, standard_library_of

FEW = 20
"""Files of the standard library, or byte-compiled ones of torch, that a later layer brought to change them: an upgrade,
or a first import, brings more."""
_BESIDE = frozenset({"typing-extensions", "numpy"})
"""Distributions that every `import torch` asks for, some only if they are there."""


class Source(msgspec.Struct, frozen=True):
    """A source that a list of files names: its path, the hash and size that are stated, and what is there."""

    path: str
    stated: str
    size: str
    node: Node

    @property
    def resized(self) -> bool:
        """Whether it has another size than is stated."""
        return self.size.isdigit() and self.size != str(self.node.size)


def layer_of_record(torch: Candidate) -> int | None:
    """Return the layer that torch was installed in; that of its `__init__` where no RECORD tells."""
    distribution = torch.distribution
    node = torch.folders.node(f"{distribution.path}/RECORD") if distribution else None
    node = node or torch.folders.node(torch.found.origin or torch.path)
    return node.layer if node else None


def compiled_of(torch: Candidate, origin: str) -> str:
    """Return where Python keeps the bytecode of a source; empty where it keeps none."""
    folder, _, name = origin.rpartition("/")
    if not name.endswith(".py"):
        return ""
    elsewhere = torch.environment.get("PYTHONPYCACHEPREFIX")
    kept = f"{posixpath.join(torch.started.cwd, elsewhere)}{folder}" if elsewhere else f"{folder}/__pycache__"
    level = torch.environment.get("PYTHONOPTIMIZE", "")
    optimized = "" if level in ("", "0") else f".opt-{level if level.isdecimal() else 1}"
    tag = torch.suffixes.abi.removeprefix("cp")
    return f"{kept}/{name.removesuffix('.py')}.cpython-{tag}{optimized}.pyc"


def check_changed(torch: Candidate) -> Iterator[Diagnostic]:
    """Report sources of torch, and of what it imports beside, that were changed since they were installed."""
    sources = own_sources(torch)
    layer = layer_of_record(torch)
    changed = [each.path for each in sources if each.node.layer != layer]
    yield from counted("note", "sources of torch that another layer brought", changed)
    compiled = _compiled_later(torch, sources)
    if len(compiled) <= FEW:
        yield from counted("note", "sources whose bytecode a later layer brought", compiled)
    yield from _check_sums(torch)
    yield from counted("note", "packages and extensions that take the place of modules of torch", displacing(torch))
    for other in _beside(torch):
        yield from counted(
            "note", f"sources of {other.name} that are not as they were installed", _unlike(torch, other)
        )


def check_library_parts(torch: Candidate) -> Iterator[Diagnostic]:
    """Report parts of the standard library that are gone, and sources of it that a later layer brought."""
    library = standard_library_of(torch)
    if library is None:
        return
    gone = [part for part in PARTS if not _has(torch.folders, f"{library}/{part}")]
    if gone and len(gone) < len(PARTS) // 2:
        yield Diagnostic("note", f"the standard library lacks {some(gone)}", asks=True)
    yield from counted("note", "sources of the standard library that a later layer brought", _later(torch, library))


def displacing(torch: Candidate) -> list[str]:
    """List packages and extension modules beside listed sources of torch that are found before them."""
    found = []
    for source in _sources(torch.folders, torch.distribution):
        folder, _, name = source.path.rpartition("/")
        stem = name.removesuffix(".py")
        children = torch.folders.at(folder).children
        beside = stem in children or any(each.startswith(f"{stem}.") for each in _libraries(torch.folders, folder))
        if beside and stem != "__init__" and (first := find_in(torch.folders, folder, stem, torch.suffixes)):
            found += [first.origin or first.path] if first.origin != source.path else []
    return found


def _libraries(folders: Folders, folder: str) -> list[str]:
    """List the extension modules in a folder."""
    return folders.once("extensions", folder, lambda: [n for n in folders.at(folder).children if n.endswith(".so")])


def listed_sources(torch: Candidate) -> frozenset[str]:
    """Return the sources of torch that its RECORD lists; none where there is none."""
    return frozenset(each.path for each in _sources(torch.folders, torch.distribution))


def changed_sources(torch: Candidate) -> frozenset[str]:
    """Return the sources of torch, of what it imports beside and of the standard library that were changed."""
    layer, library = layer_of_record(torch), standard_library_of(torch)
    own = (each.path for each in own_sources(torch) if each.node.layer != layer or each.resized)
    beside = (path for other in _beside(torch) for path in _unlike(torch, other))
    edited, unread = sums_unlike(torch)
    return frozenset((*own, *beside, *edited, *unread, *(_later(torch, library) if library else ())))


def gone_modules(torch: Candidate) -> frozenset[str]:
    """Return the modules of torch whose files RECORD lists, and that are missing."""
    site = f"{torch.distribution.site.rstrip('/')}/" if torch.distribution else "/"
    gone = (path for path, *_ in _listed(torch.folders, torch.distribution) if not _is_there(torch, path))
    names = (path.removeprefix(site).removesuffix(".py").removesuffix("/__init__") for path in gone)
    return frozenset(name.replace("/", ".") for name in names)


def _is_there(torch: Candidate, path: str) -> bool:
    return any(torch.folders.is_file(each) for each in (path, f"{path}c"))


def sums_unlike(torch: Candidate) -> tuple[list[str], dict[str, str]]:
    """Return the sources of equal size that have another sum than is stated, and those whose sum isn't known, with why.

    Only here an edit shows that leaves a file's size as it was, in the layer that torch was installed in.
    """
    return torch.folders.once("sums", torch.path, lambda: _compare_sums(torch))


def _compare_sums(torch: Candidate) -> tuple[list[str], dict[str, str]]:
    expected: list[tuple[str, bytes]] = []
    files: dict[str, Node] = {}
    for owner in (torch.distribution, *_beside(torch)):
        for source in _sources(torch.folders, owner):
            stated, node = sum_in(source.stated), source.node
            if stated is None or source.resized or not node.size or node.kind is not Kind.FILE:
                continue
            path = torch.folders.real(source.path) or source.path
            files[path] = node
            expected.append((path, stated))
    sums = sums_in(torch.folders.fs, files)
    unread = {path: str(found) for path, found in sums.items() if isinstance(found, NotKept)}
    return [path for path, stated in expected if path not in unread and sums[path] != stated], unread


def _check_sums(torch: Candidate) -> Iterator[Diagnostic]:
    if torch.blind:
        return
    edited, unread = sums_unlike(torch)
    yield from counted("note", "sources whose content is not the one that RECORD states", edited)
    if unread:
        text = f"whether sources are those of RECORD is not known ({len(unread)}): {next(iter(unread.values()))}"
        yield Diagnostic("unknown", text, asks=True)


def own_sources(torch: Candidate) -> list[Source]:
    """List the sources of torch that are there; without a list of files, all below it."""
    listed = _sources(torch.folders, torch.distribution)
    if listed or any(_listed(torch.folders, torch.distribution)):
        return listed
    return [Source(path, "", "", node) for path, node in torch.folders.files_below(torch.path) if path.endswith(".py")]


def _sources(folders: Folders, distribution: Installed | None) -> list[Source]:
    """List the sources of a distribution that are there, links followed, once for each."""

    def find() -> list[Source]:
        rows = list(_listed(folders, distribution))
        nodes = folders.nodes(distribution.site if distribution else "/", [path for path, _, _ in rows])
        return [Source(*row, node) for row, node in zip(rows, nodes, strict=True) if node is not None]

    return folders.once("sources", distribution and distribution.path, find)


def _beside(torch: Candidate) -> list[Installed]:
    return [each for each in torch.installed if each.key in _BESIDE and each.key != "torch"]


def _unlike(torch: Candidate, other: Installed) -> list[str]:
    """List the sources of another distribution that are not as its RECORD has them."""
    record = torch.folders.node(f"{other.path}/RECORD")
    layer = record.layer if record else -1
    found = {each.path: each for each in _sources(torch.folders, other)}
    unlike = [path for path, each in found.items() if each.node.layer != layer or each.resized]
    return [*unlike, *(path for path, *_ in _listed(torch.folders, other) if path not in found)]


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


def _listed(folders: Folders, distribution: Installed | None) -> Iterator[Row]:
    """List the rows of sources in a RECORD, paths from the root: of torch those that its import may read."""
    site = distribution.site if distribution else "/"
    own = distribution is not None and distribution.key == "torch"
    for part in rows_of(folders, distribution).parts():
        chosen = [row for row in part.sources if (is_read(row[0]) if own else "/tests/" not in row[0])]
        folders.count_rows(len(chosen))
        for path, stated, size in chosen:
            yield absolute(site, path), stated, size


def _compiled_later(torch: Candidate, sources: Sequence[Source]) -> list[str]:
    """List the sources whose bytecode came in a later layer than they did."""
    site = torch.found.entry
    below = torch.folders.below(site)
    alone = below is not None and len(below.layers) == 1 and not below.others
    if alone and all(each.path.startswith(f"{site}/") for each in sources):
        return []  # all came at once
    return [each.path for each in sources if _is_compiled_later(torch, each)]


def _is_compiled_later(torch: Candidate, source: Source) -> bool:
    node = torch.folders.node(compiled_of(torch, source.path))
    return node is not None and node.layer is not None and node.layer > (source.node.layer or 0)


def _has(folders: Folders, module: str) -> bool:
    node = folders.node(f"{module}.py") or folders.node(f"{module}/__init__.py")
    return (node is not None and node.kind is Kind.FILE) or folders.is_file(f"{module}.pyc")
