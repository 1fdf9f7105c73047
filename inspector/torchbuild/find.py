"""Finds the torch that the image's `python` would import, and every other one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.oci import ImageConfig
from inspector.python.access import as_user
from inspector.python.editable import find_editable
from inspector.python.environment import environment_of
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.model import Interpreter
from inspector.python.modules import Found, find_modules, suffixes_of
from inspector.python.record import Owned
from inspector.python.requirements import Requirements
from inspector.rootfs import Rootfs, tops
from inspector.torchbuild.assess import assess, check_start
from inspector.torchbuild.candidate import Surroundings
from inspector.torchbuild.diagnostics import Diagnostic, importable, texts
from inspector.torchbuild.elsewhere import Here, find_elsewhere, is_torch
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.torchbuild.survey import MAX_FOUND, Survey, survey
from inspector.unknown import Absent, Importable, Unknown

_NOTHING = Owned({})
_EGG_OF_OTHERS = r"(?i)(?!torch-)[A-Za-z0-9_.]+-[^/]*\.egg"


class Answer(msgspec.Struct, frozen=True):
    """A torch, and where its files are: `path` None where none is imported."""

    torch: Torch
    path: str | None = None
    files: Owned = _NOTHING


def find_torch(
    fs: Rootfs,
    config: ImageConfig,
    interpreter: Interpreter | Unknown,
    installed: Sequence[Installed],
    *,
    blind: bool = False,
    content: Callable[[str], bytes] | None = None,
) -> tuple[Torch, tuple[TorchElsewhere, ...], tuple[str, ...]]:
    """Find the torch that `interpreter` would import, and those that it wouldn't; warnings. `created_by` stays None.

    Where `blind`, nothing is known of libraries but their names, and the loader isn't asked. `content` reads any file:
    without it, what only sources decide stays unknown.
    """
    folders = Folders(fs)
    everywhere = survey(folders)
    entries: Sequence[str] = ()
    if isinstance(interpreter, Unknown):
        answer = Answer(without_interpreter(interpreter))
    else:
        seen = as_user(fs, environment_of(fs, config))
        view = folders if seen is fs else Folders(seen)
        entries = [path for entry in interpreter.search_path if (path := view.at(entry).path) is not None]
        around = surroundings(fs, view, config, interpreter, installed, everywhere)
        around = msgspec.structs.replace(around, blind=blind, content=content)
        elsewhere = tops(fs) != ("/",)  # where nobody looked, a torch may lie
        on_disk = elsewhere or bool(everywhere.libtorch) or any(is_torch(folders, path) for path in everywhere.packages)
        answer = imported(around, on_disk=on_disk)
    here = Here(interpreter, entries, answer.path, answer.files)
    return answer.torch, tuple(find_elsewhere(folders, everywhere, here)), _warnings(everywhere)


def surroundings(
    root: Rootfs,
    folders: Folders,
    config: ImageConfig,
    interpreter: Interpreter,
    installed: Sequence[Installed],
    found: Survey,
) -> Surroundings:
    """Describe the image as `interpreter` sees it. Raises `NotKept`, `LimitExceeded`."""
    return Surroundings(
        root=root,
        folders=folders,
        interpreter=interpreter,
        suffixes=suffixes_of(interpreter),
        environment=config.env,
        started=environment_of(folders.fs, config),
        installed=tuple(installed),
        requirements=Requirements(installed, interpreter, folders.budget),
        survey=found,
    )


def without_interpreter(interpreter: Unknown) -> Torch:
    """Say what is known of torch without a known interpreter."""
    certain = isinstance(interpreter, Absent)
    return Torch(
        installed=False, importable=Importable.NO if certain else Importable.UNKNOWN, reasons=(interpreter.unknown,)
    )


def imported(around: Surroundings, *, on_disk: bool) -> Answer:
    """Decide what `import torch` leads to: the first real torch, with what stands before it, or none.

    `on_disk` says that a torch lies in the image, or may, where code that runs first could lead to it.
    """
    unread: Unknown | None = None
    found = list(find_modules(around.folders, around.interpreter.search_path, "torch", around.suffixes))
    match find_editable(around.folders, around.interpreter, "torch", around.suffixes):
        case Found() as editable:
            found.append(editable)
        case None:
            pass
        case unknown:
            unread = unknown
    real = next((one for one in found if one.form == "package" and is_torch(around.folders, one.path)), None)
    if real is None:
        return Answer(_not_installed(around, found, unread, on_disk=on_disk))
    torch, files = assess(around, real, hiding(around, found[: found.index(real)]))
    return Answer(torch, around.folders.at(real.path).path, files)


def hiding(around: Surroundings, before: Sequence[Found]) -> list[Diagnostic]:
    """Diagnose what stands before a torch, or may."""
    return [reason for one in before for reason in _hides(around, one)]


def _not_installed(around: Surroundings, found: list[Found], unread: Unknown | None, *, on_disk: bool) -> Torch:
    """Say what `import torch` does where no torch is on the search path."""
    first = next((one for one in found if one.form != "archive"), None)
    metadata = next((one for one in around.installed if one.key == "torch"), None)
    if first is None:
        answer = Diagnostic("no", f"no module torch is on the search path of {around.interpreter.path}")
    else:
        (answer,) = _hides(around, first)
    archives = [one for one in found if one.form == "archive"]
    zipped, doubts = _zipped(around, archives) if archives else ("", [])
    if zipped:
        answer = Diagnostic("no", zipped)
    if first is None and not zipped:
        doubts += _doubts(metadata, unread)
    doubts += [reason for reason in check_start(around.interpreter) if reason.severity == "no" or on_disk]
    if on_disk and around.interpreter.entrypoint == "unknown":
        doubts.append(Diagnostic("unknown", "the image's entrypoint runs first, and may bring another torch in"))
    empty = first is not None and first.form == "namespace" and not zipped
    if empty or any(reason.severity == "unknown" for reason in doubts):
        answer = Diagnostic("note", answer.text)
    reasons = [answer, *doubts]
    if metadata is not None and first is None:
        reasons.append(Diagnostic("note", f"{metadata.path!r} lists torch {metadata.version}, whose package is gone"))
    return Torch(
        installed=False,
        importable=importable(reasons),
        reasons=texts(reasons),
        distribution_version=metadata.version if metadata else None,
        path=first.path if first else None,
    )


def _zipped(around: Surroundings, archives: Sequence[Found]) -> tuple[str, list[Diagnostic]]:
    """Say why a torch in an archive isn't imported, where one is found there first; else what may be in the archives.

    Python loads no extension module from a zip file, nor does the loader load a library.
    """
    from inspector.imports.finder import Finder  # archives are few

    doubts = [reason for one in archives for reason in _hides(around, one)]
    if around.content is None or around.blind:
        return "", doubts
    finder = Finder(around.folders, around.interpreter, around.content)
    try:
        one, _ = finder.find("torch", None)
        if one is None or (isinstance(one, Found) and one.entry not in {each.path for each in archives}):
            return "", []
        if isinstance(one, Found) and one.form == "package":
            folder = one.path[len(one.entry) + 1 :]
            if f"{folder}/version.py" in finder.zipped(one.entry):
                return f"`import torch` finds {one.path!r}, in a zip file, of which no library is loaded", []
    except InspectorError:
        pass
    return "", doubts


def _doubts(metadata: Installed | None, unread: Unknown | None) -> list[Diagnostic]:
    """Diagnose what may still bring a torch in where the search path has none."""
    doubts = [Diagnostic("unknown", unread.unknown)] if unread else []
    if metadata is not None and metadata.editable:
        doubts.append(Diagnostic("unknown", f"{metadata.path!r} is an editable install by means that can't be read"))
    return doubts


def _hides(around: Surroundings, found: Found) -> list[Diagnostic]:
    """Diagnose what stands in torch's place, or may."""
    if found.form == "archive":
        if re.fullmatch(_EGG_OF_OTHERS, found.path.rpartition("/")[2]):
            return []
        text = f"{found.path!r} on the search path is an archive, and may hold a module torch"
        return [Diagnostic("unknown", text, asks=True)]
    if found.form == "namespace":
        text = f"`import torch` gives {found.path!r} as an empty namespace package: it has no version and no contents"
    elif "csrc" in around.folders.at(found.path).children:
        text = f"`import torch` finds {found.path!r}, a source tree of torch that was not built"
    else:
        text = f"`import torch` finds {found.origin or found.path!r}, which is not PyTorch"
    return [Diagnostic("no", text)]


def _warnings(found: Survey) -> tuple[str, ...]:
    """Warn where there was more of a kind than is looked at."""
    places = (found.packages, found.metadata, found.leftovers, found.archives, found.libtorch)
    if all(len(paths) < MAX_FOUND for paths in places):
        return ()
    return (f"more than {MAX_FOUND} places in the image look like a torch or part of one; the rest was not looked at",)
