"""Finds everything that is a torch, was one, or is needed by one, in one walk over the whole tree."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from inspector.python.folders import Folders
from inspector.rootfs import Kind, Rootfs, names_below, tops

MAX_FOUND = 200
"""Places of each kind that are kept."""

WHEEL = re.compile(r"torch-(\d[^-/]{0,100})(?:-[^-/]{1,100}){3,4}\.whl")
CONDA = re.compile(r"(?:pytorch|libtorch)-(\d[^-/]{0,100})-([^-/]{1,100})\.(?:conda|tar\.bz2)")
_LEFT_BY_PIP = r"(?s)(~[-~.=%0-9]{0,8})(\w.*)"
_PARTS = ("torch", "torchgen", "functorch")
LIBTORCH = "libtorch_cpu.so"
_BEGINNINGS = ("torch", "pytorch", "libtorch")


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Paths, in no order: directories named `torch`, metadata of torch, what pip left, packed torches, C++ torches."""

    packages: list[str] = []
    metadata: list[str] = []
    leftovers: list[str] = []
    archives: list[str] = []
    libtorch: list[str] = []


def survey(folders: Folders) -> Survey:
    """Walk the tree once, or the part of a machine that is asked about; links are not followed, so that nothing is met
    twice.
    """
    found = Survey(packages=[], metadata=[], leftovers=[], archives=[], libtorch=[])
    fs = folders.fs
    for top in tops(fs):
        for here, directories, others in names_below(fs, top):
            text = "/".join(directories) + "/".join(others)  # few directories have such names, and a search finds them
            if "torch" in text or "~" in text:
                _note_all(found, fs, here, directories, others)
    return found


def _note_all(found: Survey, fs: Rootfs, here: str, directories: Iterable[str], others: Iterable[str]) -> None:
    for name in directories:
        if name == "torch" or name[0] == "~" or name[:6] == "torch-":
            _note_directory(found, here + name, name)
    for name in others:
        if name.startswith(_BEGINNINGS) and (node := fs.lstat(here + name)) and node.kind is Kind.FILE:
            _note_file(found, here + name, name)


def left_by_pip(name: str) -> bool:
    """Test whether pip gave this name to a part of torch while it uninstalled it: `~` for the first letters."""
    found = re.fullmatch(_LEFT_BY_PIP, name)
    if found is None:
        return False
    replaced, rest = len(found[1]), found[2]
    metadata = rest.endswith((".dist-info", ".egg-info")) and rest.partition("-")[0] == "torch"[replaced:]
    return metadata or any(rest == part[replaced:] for part in _PARTS)


def is_metadata(name: str) -> bool:
    """Test whether this is the name of a metadata directory or file of torch."""
    return name.startswith("torch-") and name.endswith((".dist-info", ".egg-info"))


def _note_directory(found: Survey, path: str, name: str) -> None:
    if name == "torch":
        places = found.packages
    elif name[0] == "~":
        if not left_by_pip(name):
            return
        places = found.leftovers
    elif is_metadata(name):
        places = found.metadata
    else:
        return
    _keep(places, path)


def _note_file(found: Survey, path: str, name: str) -> None:
    if name == LIBTORCH:
        _keep(found.libtorch, path)
    elif WHEEL.fullmatch(name) or CONDA.fullmatch(name):
        _keep(found.archives, path)
    elif name[:6] == "torch-" and name.endswith(".egg-info"):
        _keep(found.metadata, path)


def _keep(places: list[str], path: str) -> None:
    if len(places) < MAX_FOUND:
        places.append(path)
