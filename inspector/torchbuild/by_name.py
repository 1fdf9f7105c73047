"""The torch that the image's `python` would import, where files are asked for by name and hardly any are listed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.oci import ImageConfig
from inspector.python.files import is_listed
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.model import Interpreter
from inspector.python.modules import Found, find_modules
from inspector.rootfs import Rootfs
from inspector.torchbuild.assess import assess
from inspector.torchbuild.candidate import Surroundings
from inspector.torchbuild.elsewhere import is_torch
from inspector.torchbuild.find import hiding, imported, surroundings, without_interpreter
from inspector.torchbuild.model import Torch
from inspector.torchbuild.survey import Survey
from inspector.unknown import Unknown


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
    """The torch that `interpreter` would import; `unlisted` are its site folders whose .pth files weren't seen.

    A torch comes before what the .pth files of its own folder add. `installed` is what is known of distributions.
    """
    if isinstance(interpreter, Unknown):
        return without_interpreter(interpreter)
    around = surroundings(Folders(fs), config, interpreter, installed, Survey(whole=False))
    before: list[Found] = []
    for found in find_modules(around.folders, interpreter.search_path, "torch", around.suffixes):
        if found.form == "package" and is_torch(around.folders, found.path):
            sites = _before(around, found, unlisted)
            return MustList(sites) if sites else assess(around, found, hiding(around, before))[0]
        before.append(found)
    if unlisted:
        return MustList(tuple(unlisted))
    return _unseen(around, before) or imported(around).torch


def _before(around: Surroundings, found: Found, unlisted: Sequence[str]) -> tuple[str, ...]:
    """The unlisted folders that stand on the search path before the one that a torch was found in."""
    path = around.interpreter.search_path
    home = next(at for at, entry in enumerate(path) if around.folders.at(entry).path == found.entry)
    return tuple(site for site in unlisted if site in path[:home])


def _unseen(around: Surroundings, found: Sequence[Found]) -> Torch | None:
    """What is no torch by the few names that were asked for, and may be one by others."""
    for one in found:
        if one.form == "package" and not is_listed(around.folders.at(one.path).children):
            why = f"{one.path!r} is no torch by the names of its files that were asked for, and it was not listed"
            return Torch(installed=False, importable="unknown", reasons=(why,), path=one.path)
    return None
