"""Finds the torch that the image's `python` would import, with files asked for by name and hardly any listed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.facts.partial.questions import diagnose
from inspector.oci import ImageConfig
from inspector.python.files import is_listed
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.model import Interpreter
from inspector.python.modules import Found, find_modules
from inspector.python.running import closed_paths
from inspector.rootfs import Rootfs
from inspector.torchbuild.assess import candidate_of, describe
from inspector.torchbuild.candidate import Surroundings
from inspector.torchbuild.elsewhere import is_torch
from inspector.torchbuild.find import hiding, imported, surroundings, without_interpreter
from inspector.torchbuild.model import Torch
from inspector.torchbuild.survey import Survey
from inspector.unknown import Importable, Unknown


class MustList(msgspec.Struct, frozen=True):
    """The site folders whose .pth files may lead to a torch, or to another than the one that was found."""

    sites: tuple[str, ...]


def find_torch_by_name(
    fs: Rootfs,
    config: ImageConfig,
    interpreter: Interpreter | Unknown,
    unlisted: Sequence[str],
    installed: Sequence[Installed] = (),
) -> Torch | MustList:
    """Find the torch that `interpreter` would import; `unlisted` are its site folders whose .pth files weren't seen.

    A torch comes before what the .pth files of its own folder add. `installed` is what is known of distributions.
    """
    if isinstance(interpreter, Unknown):
        return without_interpreter(interpreter)
    around = surroundings(fs, Folders(fs), config, interpreter, installed, Survey())
    before: list[Found] = []
    for found in find_modules(around.folders, interpreter.search_path, "torch", around.suffixes):
        if found.form == "package" and is_torch(around.folders, found.path):
            sites = _before(around, found, unlisted)
            if sites:
                return MustList(sites)
            closed = closed_paths(fs, [f"{found.path}/"], around.started)
            if closed:  # a user who may not enter it imports what comes behind it, or nothing
                return Torch(installed=False, importable=Importable.UNKNOWN, reasons=closed, path=found.path)
            torch = candidate_of(around, found)
            return describe(torch, diagnose(torch, hiding(around, before)), None)
        before.append(found)
    if unlisted:
        return MustList(tuple(unlisted))
    return _undecided(around, before) or imported(around, on_disk=True).torch


def _before(around: Surroundings, found: Found, unlisted: Sequence[str]) -> tuple[str, ...]:
    """List the unlisted folders that stand on the search path before the one that a torch was found in."""
    path = around.interpreter.search_path
    home = next(at for at, entry in enumerate(path) if around.folders.at(entry).path == found.entry)
    return tuple(site for site in unlisted if site in path[:home])


def _undecided(around: Surroundings, found: Sequence[Found]) -> Torch | None:
    """Say where a package torch is not PyTorch's by the few names that were asked for, and may be by others."""
    for one in found:
        if one.form == "package" and not is_listed(around.folders.at(one.path).children):
            why = f"{one.path!r} is no torch by the names of its files that were asked for, and it was not listed"
            return Torch(installed=False, importable=Importable.UNKNOWN, reasons=(why,), path=one.path)
    return None
