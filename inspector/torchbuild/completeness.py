"""Whether torch's files are those that its RECORD lists: what is gone, what has another size, and what that means."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.folders import MISSING
from inspector.python.record import MAX_ALL_ROWS, MAX_PATH, Rows, absolute
from inspector.rootfs import Kind
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, Severity, some
from inspector.torchbuild.kinds import kind_of
from inspector.torchbuild.model import Build

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
_UNUSED = re.compile(r"(?:torch/(?:bin|include|share|test|fx/passes/tests|lib/libshm|lib/libshm_windows)/|functorch/)")
_CODE = re.compile(r"(?:torch|torchgen|torch\.libs)/.*?(?:\.py|\.so(?:\.\d+)*)", re.DOTALL)
_PRESENCE_CHECKED = re.compile(r"torch/(?:__init__\.py|version\.py|_C\.[^/]*\.so|lib/libtorch_global_deps\.so)")


class _Flaw(msgspec.Struct, frozen=True):
    """A listed file that is gone, or of another size: `size` is that on disk, None where it is gone."""

    path: str
    size: int | None
    severity: Severity


def check_files(torch: Candidate) -> Iterator[Diagnostic]:
    """Compare RECORD with the files: one clause for each severity, naming some files and how many more."""
    rows = Rows(_record(torch))
    flaws = [_Flaw(path, size, _severity(path, size, torch.build)) for path, size in _flawed(torch, rows)]
    if rows.unread:
        yield Diagnostic(
            "unknown", f"torch's RECORD has rows that can't be read ({rows.unread}), so files may be missing"
        )
    for severity in ("no", "unknown", "note"):
        chosen = [flaw for flaw in flaws if flaw.severity == severity]
        gone = sorted(flaw.path for flaw in chosen if flaw.size is None)
        changed = sorted(flaw.path for flaw in chosen if flaw.size is not None)
        if gone:
            yield Diagnostic(severity, f"files of torch's RECORD missing ({len(gone)}): {some(gone, MAX_SHOWN)}")
        if changed:
            yield Diagnostic(
                severity, f"files of another size than in RECORD ({len(changed)}): {some(changed, MAX_SHOWN)}"
            )


def check_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """The libraries that `import torch` loads are there, whatever lists them or not."""
    if torch.since(*_SPLIT) is False:
        return
    places = [f"{torch.path}/lib", f"{torch.interpreter.prefix}/lib", *_SYSTEM]
    gone = [
        name
        for name in _loaded_by(torch.build)
        if not any(torch.folders.is_file(f"{place}/{name}") for place in places)
    ]
    if gone:
        yield Diagnostic("unknown", f"libraries that torch loads are not in torch/lib: {some(gone, MAX_SHOWN)}")


def _loaded_by(build: Build) -> tuple[str, ...]:
    kind = kind_of(build)
    return (*_LOADED, *(kind.libraries if kind else ()))


def _flawed(torch: Candidate, rows: Rows) -> Iterator[tuple[str, int | None]]:
    """Each file that RECORD lists and that is gone (None) or of another size, bytecode and metadata left out."""
    last, base, children = None, "", MISSING.children
    for path, stated in rows:
        torch.folders.spend("rows in lists of files", 1, MAX_ALL_ROWS)
        if not torch.survey.whole and not _is_looked_at(path, torch.build):
            continue
        parent, _, name = path.rpartition("/")
        if parent != last:
            last, base = parent, absolute(torch.distribution.site if torch.distribution else "/", parent)
            children = torch.folders.at(base).children if len(parent) <= MAX_PATH else MISSING.children
        node = children.get(name)
        if node is not None and node.kind is Kind.SYMLINK:
            node = torch.folders.node(f"{base}/{name}")
        size = node.size if node is not None and node.kind is Kind.FILE else None
        flawed = size is None or (stated and stated != str(size))
        if flawed and not path.endswith(".pyc") and ".dist-info" not in parent:
            yield path, size


def _is_looked_at(path: str, build: Build) -> bool:
    """Whether a file is one of the few that are looked at where each takes a question."""
    folder, _, name = path.rpartition("/")
    return bool(_PRESENCE_CHECKED.fullmatch(path)) or (folder == "torch/lib" and name in _loaded_by(build))


def _record(torch: Candidate) -> bytes:
    """Torch's RECORD; empty where it has none that can be read."""
    if torch.distribution is None:
        return b""
    try:
        return read_metadata(torch.folders, torch.distribution.path, "RECORD") or b""
    except InspectorError:  # `check_core_modules` says so
        return b""


def _severity(path: str, size: int | None, build: Build) -> Severity:
    """What a flaw does to `import torch`: known to fail, known not to matter, or neither."""
    loaded = path.startswith("torch/lib/") and path.rpartition("/")[2] in _loaded_by(build)
    if (loaded and not size) or (path == _MANAGER and size is None):
        return "no"
    if _LATE.fullmatch(path) or _UNUSED.match(path):
        return "note"
    if size is None and _PRESENCE_CHECKED.fullmatch(path):
        return "note"  # another check says what that means
    return "unknown" if _CODE.fullmatch(path) else "note"
