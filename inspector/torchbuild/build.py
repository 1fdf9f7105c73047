"""Decides which build a torch is: what its version.py says, if the libraries beside it agree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.python.folders import Folders
from inspector.torchbuild.kinds import CPU, Kind, kinds
from inspector.torchbuild.model import Build
from inspector.torchbuild.releases import release_of
from inspector.torchbuild.version_file import VersionFile

_SPLIT = (1, 5)
"""From this release on, each accelerator's code is in a library of its own."""


def decide_build(version: VersionFile, libraries: dict[Build, str] | None) -> tuple[Build, list[str]]:
    """Decide the build; where anything contradicts it, it is `unknown`.

    `libraries` are the builds whose libraries lie in torch/lib, each with one of them; None where there is no
    torch/lib.
    """
    stated = [kind for kind in kinds() if any(version.get(field) for field in kind.fields)]
    odd = [name for name in version.odd if name != "__version__"]  # which decides nothing
    contradictions = [f"version.py gives {name} a value that is neither text nor None" for name in odd]
    if not stated and "cuda" not in version.fields and not odd:
        contradictions.append("version.py does not state `cuda` at all, neither as text nor as None")
    if len(stated) > 1:
        contradictions.append(f"version.py says {' and '.join(kind.label for kind in stated)} at once")
    kind = stated[0] if stated else CPU
    contradictions += _against_suffix(version, kind)
    if libraries is not None:
        contradictions += _against_files(version, kind, libraries)
    return ("unknown", contradictions) if contradictions else (kind.name, [])


def build_by_libraries(version: str, libraries: dict[Build, str] | None) -> Build:
    """Decide the build by the libraries alone, where the metadata's `version` names no other; as for `decide_build`."""
    release, tagged = release_of(version), build_of_local(version)
    if libraries is None or len(libraries) > 1 or release is None or release < _SPLIT:
        return "unknown"
    found = next(iter(libraries), CPU.name)
    return found if tagged in ("unknown", found) else "unknown"


def build_of_local(version: str) -> Build:
    """Tell the build that a version's local part names, such as `+cu130`; unknown where it names none."""
    return next((kind.name for kind in kinds() if _tag(kind, version)), "unknown")


def builds_on_disk(folders: Folders, directories: Sequence[str]) -> dict[Build, str] | None:
    """Find the builds whose libraries lie in the directories, each with one of them; None without any directory."""
    paths = [found for directory in directories if (found := folders.at(directory).path) is not None]
    if not paths:
        return None
    return {
        kind.name: name
        for kind in kinds()
        for name in reversed(kind.libraries)
        if any(folders.is_file(f"{path}/{name}") for path in paths)
    }


def _tag(kind: Kind, version: str) -> re.Match[str] | None:
    """Find the tag of the kind in a version's local part."""
    return re.search(rf"\+(?:{kind.local})", version) if kind.local else None


def _against_suffix(version: VersionFile, kind: Kind) -> list[str]:
    text = version.version or ""
    if build_of_local(text) not in ("unknown", kind.name):
        return [f"version.py says {kind.label}, yet calls itself {text!r}"]
    tag, stated = _tag(kind, text), version.get(kind.fields[0]) if kind.fields else None
    numbers = [number for number in tag.groups() if number is not None] if tag else []
    if stated and numbers != stated.split(".")[: len(numbers)]:
        return [f"version.py says {kind.label} {stated!r}, yet calls itself {text!r}"]
    return []


def _against_files(version: VersionFile, kind: Kind, libraries: dict[Build, str]) -> list[str]:
    said = f"version.py says {kind.label}, yet torch/lib"
    found = [f"{said} holds {name}" for other, name in sorted(libraries.items()) if other != kind.name]
    release = release_of(version.version)
    if kind.libraries and kind.name not in libraries and (release is None or release >= _SPLIT):
        lacks = "neither" if len(kind.libraries) > 1 else "no"
        found.append(f"{said} has {lacks} {' nor '.join(kind.libraries)}")
    return found
