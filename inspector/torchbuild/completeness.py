"""Checks torch's files against its RECORD: what is missing or was changed, and what that does to `import torch`.

What differs from RECORD is a note unless it is known, or likely, to break the import: stripped libraries load, an
edited source is read, and what `import torch` does not load is not missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.elf import PT_LOAD, parse_header
from inspector.python.folders import MISSING, Folders
from inspector.python.installed import Installed
from inspector.python.record import MAX_PATH, Rows, absolute
from inspector.rootfs import Kind, Node, resolve
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, Severity, some
from inspector.torchbuild.kinds import kind_of

MAX_SHOWN = 3
"""Files that one clause names."""

_LOADED = ("libc10.so", "libshm.so", "libtorch.so", "libtorch_cpu.so", "libtorch_python.so")
"""Libraries that `import torch` needs in every build; those of an accelerator come on top."""
_SPLIT = (1, 5)  # the release from which on all of these exist
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib")
_MANAGER = "torch/bin/torch_shm_manager"
"""A program that `import torch` looks for, and does not start."""
_LATE = re.compile(
    r"torch/lib/(?:libtorch_cuda_linalg|libcaffe2_nvrtc|libtorchbind_test|libjitbackend_test"
    r"|libbackend_with_compiler|libaoti_custom_ops)\.so"
)
_UNUSED = re.compile(
    r"(?:torch/(?:bin|include|share|test|fx/passes/tests|lib/libshm|lib/libshm_windows|contrib"
    r"|utils/(?:benchmark|bottleneck|hipify|model_dump|tensorboard))/|functorch/)"
)
"""Folders of which `import torch` loads nothing."""
_CODE = re.compile(r"(?:torch|torchgen|torch\.libs)/.*?(?:\.py|\.so(?:\.\d+)*)", re.DOTALL)
_CHECKED_ELSEWHERE = re.compile(r"torch/(?:__init__\.py|version\.py|_C\.[^/]*\.so|lib/libtorch_global_deps\.so)")
"""Files of which other checks say what it means that they are missing."""


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
    rows = Rows(record_of(torch.folders, torch.distribution) or b"")
    flaws = [*_flaws(torch, rows, chosen)]
    if rows.unread:
        text = f"torch's RECORD has rows that can't be read ({rows.unread}), so files may be missing"
        yield Diagnostic("unknown", text)
    for severity in ("no", "unknown", "note"):
        found = [flaw for flaw in flaws if flaw.severity == severity]
        gone = sorted(flaw.path for flaw in found if flaw.gone)
        changed = sorted(flaw.path for flaw in found if not flaw.gone)
        if gone:
            yield Diagnostic(severity, f"files of torch's RECORD missing ({len(gone)}): {some(gone, MAX_SHOWN)}")
        if changed:
            text = f"files of another size than in RECORD ({len(changed)}): {some(changed, MAX_SHOWN)}"
            yield Diagnostic(severity, text)


def check_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the libraries that `import torch` loads are there, listed or not."""
    if torch.since(*_SPLIT) is False:
        return
    places = [f"{torch.path}/lib", f"{torch.interpreter.prefix}/lib", *_SYSTEM]
    gone = [name for name in _loaded_by(torch) if not any(torch.folders.is_file(f"{place}/{name}") for place in places)]
    if gone:
        yield Diagnostic("unknown", f"libraries that torch loads are not in torch/lib: {some(gone, MAX_SHOWN)}")


def is_essential(torch: Candidate, path: str) -> bool:
    """Test whether a file that RECORD lists is one of the few that every import of such a build loads first."""
    return bool(_CHECKED_ELSEWHERE.fullmatch(path)) or _is_loaded(torch, path)


def record_of(folders: Folders, distribution: Installed | None) -> bytes | None:
    """Read the RECORD of torch's metadata; None where it has none that can be read."""
    if distribution is None:
        return None
    try:
        return read_metadata(folders, distribution.path, "RECORD")
    except InspectorError:  # `check_core_modules` says so
        return None


def _loaded_by(torch: Candidate) -> list[str]:
    known = [kind for build in sorted(torch.builds) if (kind := kind_of(build))]
    return [*_LOADED, *(name for kind in known for name in kind.libraries)]


def _is_loaded(torch: Candidate, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == "torch/lib" and name in _loaded_by(torch)


def _flaws(torch: Candidate, rows: Rows, chosen: Callable[[str], bool]) -> Iterator[_Flaw]:
    """List the files that RECORD lists and that are missing or of another size, without bytecode and metadata."""
    last, base, children = None, "", MISSING.children
    for path, stated in rows:
        torch.folders.count_rows(1)
        if not chosen(path):
            continue
        parent, _, name = path.rpartition("/")
        if parent != last:
            last, base = parent, absolute(torch.distribution.site if torch.distribution else "/", parent)
            children = torch.folders.at(base).children if len(parent) <= MAX_PATH else MISSING.children
        if path.endswith(".pyc") or ".dist-info" in parent:
            continue
        node = children.get(name)
        if node is not None and node.kind is Kind.SYMLINK:
            node = torch.folders.node(f"{base}/{name}")
        if node is None or node.kind is not Kind.FILE:
            compiled = path.endswith(".py") and f"{name}c" in children
            yield _Flaw(path, gone=True, severity="note" if compiled else _if_gone(torch, path))
        elif stated and stated != str(node.size):
            shrunk = not stated.isdigit() or node.size < int(stated[:20])
            severity = _if_changed(torch, path, f"{base}/{name}", node, shrunk=shrunk)
            yield _Flaw(path, gone=False, severity=severity)


def _if_gone(torch: Candidate, path: str) -> Severity:
    """Say what it does to `import torch` that a file is missing."""
    if _is_loaded(torch, path) or (path == _MANAGER and _looks_for_manager(torch)):
        return "no"
    harmless = _LATE.fullmatch(path) or _UNUSED.match(path) or _CHECKED_ELSEWHERE.fullmatch(path)
    return "unknown" if _CODE.fullmatch(path) and not harmless else "note"


def _looks_for_manager(torch: Candidate) -> bool:
    """Test whether torch's `__init__` looks for the program, as all of its releases do, unless it was patched."""
    try:
        source = torch.folders.fs.read(resolve(torch.folders.fs, torch.found.origin or torch.path) or torch.path)
    except InspectorError:
        return True
    return torch.found.loader != "source" or b"torch_shm_manager" in source


def _if_changed(torch: Candidate, path: str, place: str, node: Node, *, shrunk: bool) -> Severity:
    """Say what it does to `import torch` that a file has another size: a cut file fails, an edited one is read."""
    if not _CODE.fullmatch(path) or _LATE.fullmatch(path) or _UNUSED.match(path) or path == "torch/version.py":
        return "note"
    if path.endswith(".py"):
        return "unknown" if shrunk else "note"  # what was cut off, and whether it still compiles, isn't known
    loaded = _is_loaded(torch, path)
    if node.size == 0:
        return "no" if loaded else "unknown"
    whole = _is_whole(torch, place, node)
    return "note" if whole else "unknown" if whole is None or not loaded else "no"


def _is_whole(torch: Candidate, path: str, node: Node) -> bool | None:
    """Test whether a library holds all that is mapped of it, as one does that was stripped; None if not known."""
    try:
        header = parse_header(torch.folders.fs.head(resolve(torch.folders.fs, path) or path))
    except InspectorError:
        return None
    ends = [segment.offset + segment.size for segment in header.segments if segment.kind == PT_LOAD] if header else []
    return max(ends) <= node.size if ends else None
