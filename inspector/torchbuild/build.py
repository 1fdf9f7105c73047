"""Which build a torch is: what its version.py says, believed only where the libraries beside it agree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.python.folders import Folders
from inspector.torchbuild.model import BUILD_NAMES, Build
from inspector.torchbuild.releases import release_of
from inspector.torchbuild.version_file import VersionFile

LIBRARIES: dict[Build, tuple[str, ...]] = {
    "cuda": ("libtorch_cuda.so", "libc10_cuda.so"),
    "rocm": ("libtorch_hip.so", "libc10_hip.so"),
    "xpu": ("libtorch_xpu.so", "libc10_xpu.so"),
}
_FIELDS: tuple[tuple[str, Build], ...] = (("hip", "rocm"), ("rocm", "rocm"), ("cuda", "cuda"), ("xpu", "xpu"))
_SPLIT = (1, 5)
"""From this release on, each accelerator's code is in a library of its own."""
_LOCAL: tuple[tuple[re.Pattern[str], Build], ...] = (
    (re.compile(r"\+cpu\b"), "cpu"),
    (re.compile(r"\+cu\d{2,4}\b"), "cuda"),
    (re.compile(r"\+rocm\d"), "rocm"),
    (re.compile(r"\+xpu\b"), "xpu"),
)
_CUDA_LOCAL = re.compile(r"\+cu(\d{1,2})(\d)\b")


def decide_build(version: VersionFile, libraries: dict[Build, str] | None) -> tuple[Build, list[str]]:
    """The build, and what contradicts it: then it is `unknown`.

    `libraries` are the builds whose libraries lie in torch/lib, each with one of them; None where there is no
    torch/lib.
    """
    stated = _stated(version)
    contradictions = [f"version.py gives {name} a value that is neither text nor None" for name in version.odd]
    if not stated and "cuda" not in version.fields and not version.odd:
        contradictions.append("version.py does not state `cuda` at all, neither as text nor as None")
    if len(stated) > 1:
        contradictions.append(f"version.py says {' and '.join(BUILD_NAMES[kind] for kind in stated)} at once")
    kind = stated[0] if stated else "cpu"
    contradictions += _against_suffix(version, kind)
    if libraries is not None:
        contradictions += _against_files(version, kind, libraries)
    return ("unknown", contradictions) if contradictions else (kind, [])


def build_of_local(version: str) -> Build:
    """The build that a version's local part names, such as `+cu130`; unknown where it names none."""
    return next((kind for pattern, kind in _LOCAL if pattern.search(version)), "unknown")


def builds_on_disk(folders: Folders, directories: Sequence[str]) -> dict[Build, str] | None:
    """The builds whose libraries lie in any of the directories, each with one of them; None where all are missing."""
    paths = [found for directory in directories if (found := folders.at(directory).path) is not None]
    if not paths:
        return None
    return {
        kind: name
        for kind, names in LIBRARIES.items()
        for name in reversed(names)
        if any(folders.is_file(f"{path}/{name}") for path in paths)
    }


def _stated(version: VersionFile) -> list[Build]:
    """The builds that version.py's fields name; an empty text names none."""
    return list(dict.fromkeys(kind for field, kind in _FIELDS if version.get(field)))


def _against_suffix(version: VersionFile, kind: Build) -> list[str]:
    text = version.version or ""
    local = build_of_local(text)
    if local not in ("unknown", kind):
        return [f"version.py says {BUILD_NAMES[kind]}, yet calls itself {text!r}"]
    number = _CUDA_LOCAL.search(text)
    cuda = version.get("cuda")
    if number and cuda and [number[1], number[2]] != cuda.split(".")[:2]:
        return [f"version.py says CUDA {cuda!r}, yet calls itself {text!r}"]
    return []


def _against_files(version: VersionFile, kind: Build, libraries: dict[Build, str]) -> list[str]:
    said = f"version.py says {BUILD_NAMES[kind]}, yet torch/lib"
    found = [f"{said} holds {name}" for other, name in sorted(libraries.items()) if other != kind]
    release = release_of(version.version)
    if kind != "cpu" and kind not in libraries and (release is None or release >= _SPLIT):
        found.append(f"{said} has neither {' nor '.join(LIBRARIES[kind])}")
    return found
