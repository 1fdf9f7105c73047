"""Checks torch's files against its RECORD: what is missing or was changed, and what that does to `import torch`.

What differs from RECORD is a note unless it is known, or likely, to break the import: stripped libraries load, an
edited source is read, and what `import torch` does not load is not missed. Libraries are the loader's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.folders import MISSING, Folders
from inspector.python.installed import Installed
from inspector.python.record import MAX_PATH, Rows, absolute
from inspector.rootfs import Below, Kind
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, Severity, counted

_MANAGER = "torch/bin/torch_shm_manager"
"""A program that `import torch` looks for, and does not start."""
_LIBRARY = re.compile(r"torch/lib/lib(?:c10|shm|torch)(?:_cpu|_python|_cuda|_hip|_xpu|_global_deps)?\.so")
"""What every import of a build loads that brings it; asked for by name where nothing is listed."""
_UNUSED = re.compile(
    r"(?:torch/(?:bin|include|share|test|fx/passes/tests|lib/libshm|lib/libshm_windows|contrib"
    r"|utils/(?:benchmark|bottleneck|hipify|model_dump|tensorboard))/|functorch/)"
)
"""Folders of which `import torch` loads nothing."""
_SOURCE = re.compile(r"(?:torch|torchgen)/.*?\.py", re.DOTALL)
"""Files whose loss may break the import; what the loader does with libraries is decided by the loader's model."""
_CHECKED_ELSEWHERE = re.compile(r"torch/(?:__init__|version)\.py")
"""Files of which other checks say what it means that they are missing."""
_EXTENSION = re.compile(r"torch/_C\.[^/]*\.so")


class _Flaw(msgspec.Struct, frozen=True):
    """A file that differs from RECORD; `gone` or of another size."""

    path: str
    gone: bool
    severity: Severity


def check_files(torch: Candidate) -> Iterator[Diagnostic]:
    """Compare all files that RECORD lists."""
    yield from compare_with_record(torch, lambda _: True)


def compare_with_record(torch: Candidate, chosen: Callable[[str], bool]) -> Iterator[Diagnostic]:
    """Compare the chosen files with RECORD: one clause for each severity, naming some files and how many more."""
    rows = rows_of(torch.folders, torch.distribution)
    flaws = [*_flaws(torch, rows, chosen)]
    if rows.unread:
        text = f"torch's RECORD has rows that can't be read ({rows.unread}), so files may be missing"
        yield Diagnostic("unknown", text)
    severities: tuple[Severity, ...] = ("no", "unknown", "note")
    for severity in severities:
        for gone, what in ((True, "files of torch's RECORD missing"), (False, "files of another size than in RECORD")):
            paths = sorted(flaw.path for flaw in flaws if (flaw.severity, flaw.gone) == (severity, gone))
            yield from counted(severity, what, paths, asks=any(map(is_read, paths)))


def check_manager(torch: Candidate) -> Iterator[Diagnostic]:
    """Check for the program that torch's own `__init__` looks for, and does not start."""
    path = f"{torch.path.removesuffix('/torch')}/{_MANAGER}"
    if not torch.folders.is_file(path) and _looks_for_manager(torch):
        yield Diagnostic("no", f"RuntimeError: Unable to find torch_shm_manager at {path}")


def is_essential(path: str) -> bool:
    """Test whether a file that RECORD lists is one of the few that every import of such a build loads first."""
    return any(pattern.fullmatch(path) for pattern in (_CHECKED_ELSEWHERE, _EXTENSION, _LIBRARY))


def is_read(path: str) -> bool:
    """Test whether a file that RECORD lists is a source that `import torch` may read."""
    return _SOURCE.fullmatch(path) is not None and not _UNUSED.match(path)


def record_of(folders: Folders, distribution: Installed | None) -> bytes | None:
    """Read the RECORD of torch's metadata; None where it has none that can be read."""
    if distribution is None:
        return None
    try:
        return read_metadata(folders, distribution.path, "RECORD")
    except InspectorError:  # `check_core_modules` says so
        return None


def rows_of(folders: Folders, distribution: Installed | None) -> Rows:
    """Return the rows of that RECORD; none where there is none."""
    if distribution is None:
        return Rows(b"")
    if distribution.rows is not None and folders.is_file(f"{distribution.path}/RECORD"):
        return distribution.rows
    return folders.once("rows", distribution.path, lambda: Rows(record_of(folders, distribution) or b""))


def _flaws(torch: Candidate, rows: Rows, chosen: Callable[[str], bool]) -> Iterator[_Flaw]:
    """List the files that RECORD lists and that are missing or of another size, without bytecode and metadata."""
    site = torch.distribution.site if torch.distribution else "/"
    last, base, children = None, "", MISSING.children
    torch.folders.count_rows(rows.most)
    for path, stated in _unlike(rows, torch.folders.below(site) if torch.distribution else None):
        parent, _, name = path.rpartition("/")
        if name.endswith(".pyc") or ".dist-info" in parent or not chosen(path):
            continue
        if parent != last:
            last, base = parent, absolute(site, parent)
            children = torch.folders.at(base).children if len(parent) <= MAX_PATH else MISSING.children
        node = children.get(name)
        if node is not None and node.kind is Kind.SYMLINK:
            node = torch.folders.node(f"{base}/{name}")
        if node is None or node.kind is not Kind.FILE:
            compiled = path.endswith(".py") and f"{name}c" in children
            yield _Flaw(path, gone=True, severity="note" if compiled else _if_gone(path))
        elif stated and stated != str(node.size):
            shrunk = not stated.isdigit() or node.size < int(stated[:20])
            yield _Flaw(path, gone=False, severity=_if_changed(path, shrunk=shrunk))


def _unlike(rows: Rows, below: Below | None) -> Iterator[tuple[str, str]]:
    """Yield path and size of the rows that may differ from what is there: but for those that don't, at a glance."""
    for paths, _, stated in rows.columns():
        if below is None:
            yield from zip(paths, stated, strict=True)
            continue
        inodes = list(map(below.inodes.get, paths))
        sizes = map(str, below.sizes([inode for inode in inodes if inode is not None]))
        for path, inode, size in zip(paths, inodes, stated, strict=True):
            if inode is None or size != next(sizes):
                yield path, size


def _if_gone(path: str) -> Severity:
    """Say what it does to `import torch` that a file is missing."""
    harmless = _UNUSED.match(path) or _CHECKED_ELSEWHERE.fullmatch(path)
    return "unknown" if _SOURCE.fullmatch(path) and not harmless else "note"


def _looks_for_manager(torch: Candidate) -> bool:
    """Test whether torch's `__init__` names the program, as those of its releases do."""
    try:
        source = torch.folders.read(torch.found.origin or torch.path)
    except InspectorError:
        return False
    return torch.found.loader == "source" and b"torch_shm_manager" in source


def _if_changed(path: str, *, shrunk: bool) -> Severity:
    """Say what it does to `import torch` that a file has another size: an edited source is read, a cut one fails."""
    if not _SOURCE.fullmatch(path) or _UNUSED.match(path) or _CHECKED_ELSEWHERE.fullmatch(path):
        return "note"
    return "unknown" if shrunk else "note"  # what was cut off, and whether it still compiles, isn't known
