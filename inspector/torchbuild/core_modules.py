"""Checks a torch whose files nothing lists for the modules that every release has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.modules import find_in
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some

MODULES = (
    "_jit_internal",
    "_ops",
    "_tensor",
    "_tensor_str",
    "_utils",
    "autograd",
    "backends",
    "cuda",
    "distributed",
    "distributions",
    "fft",
    "functional",
    "hub",
    "jit",
    "linalg",
    "multiprocessing",
    "nn",
    "optim",
    "overrides",
    "random",
    "serialization",
    "sparse",
    "storage",
    "testing",
    "utils",
)
"""What `import torch` loads of torch itself, in 1.8 to 2.14."""

_FIRST = (1, 8)
_TORCH = re.compile(rb"^(?:[^,\n]{0,4096}/)?torch/__init__\.pyc?,", re.MULTILINE)


def check_core_modules(torch: Candidate) -> Iterator[Diagnostic]:
    """Check for those modules where no RECORD lists torch's files; one that leaves torch out proves nothing."""
    listed = _is_listed(torch)
    if listed or torch.since(*_FIRST) is False:
        return
    gone = [name for name in MODULES if not _has(torch, name)]
    if gone:
        text = f"no list of torch's files tells whether it is whole, and it lacks {some(gone)}"
        yield Diagnostic("unknown", text, asks=True)
    elif listed is False:
        text = "its RECORD does not list torch's files, so whether they are all there is not known"
        yield Diagnostic("unknown", text, asks=True)


def _has(torch: Candidate, name: str) -> bool:
    found = find_in(torch.folders, torch.path, name, torch.suffixes)
    return found is not None and found.form != "namespace"


def _is_listed(torch: Candidate) -> bool | None:
    """Tell whether torch's RECORD lists torch; None where there is none, as with other installers than pip and uv."""
    if torch.distribution is None or torch.distribution.editable:
        return None
    try:
        record = read_metadata(torch.folders, torch.distribution.path, "RECORD")
    except InspectorError:
        return False
    return None if record is None else _TORCH.search(record) is not None
