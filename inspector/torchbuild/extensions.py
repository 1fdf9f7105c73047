"""Finds the extension modules of installed distributions, and libraries for torch, that can't load in the image."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from inspector import work
from inspector.loader import (
    ImportFailure,
    LoadFailure,
    Process,
    Tables,
    TorchFiles,
    import_extension,
    import_torch,
    open_library,
)
from inspector.oci import ImageConfig
from inspector.python.access import as_user
from inspector.python.environment import environment_of
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.model import Interpreter
from inspector.python.modules import find_modules
from inspector.rootfs import Kind, Rootfs, resolve
from inspector.torchbuild.assess import candidate_of
from inspector.torchbuild.candidate import Surroundings
from inspector.torchbuild.elsewhere import is_torch
from inspector.torchbuild.find import surroundings
from inspector.torchbuild.loading import torch_files
from inspector.torchbuild.model import BrokenExtension, Torch
from inspector.torchbuild.python_process import Python
from inspector.torchbuild.survey import Survey
from inspector.unknown import Unknown

MAX_TRIED = 500
"""Extension modules that are tried; pandas and scipy together have two hundred. As many libraries are."""
MAX_FOUND = 100
"""Failures that are kept."""

_NO_MODULES = frozenset({"__pycache__", "test", "tests", "_tests", "testing", "torch", "functorch", "nvidia"})
"""Folders whose modules nobody imports, and torch's own, which are judged with it."""
_NO_FOLDERS = ("-info", ".libs")
_STABLE = ".abi3.so"
_LIBRARY = ".so"
_OF_DRIVER = r"lib(?:cuda|nvidia-[a-z]+|nvcuvid|amdhip64|ze_loader)\.so"
"""Libraries that come with the host's driver, when a container of the image starts."""
_TORCH = re.compile(r"lib(?:torch|c10)[a-z0-9_]*\.so")


class Tried(msgspec.Struct, frozen=True):
    """The extension modules that can't load, and why others, if any, could not be tried to the end.

    `beside_torch` says that all were tried in a process that had imported torch, as far as they need it.
    """

    broken: tuple[BrokenExtension, ...] = ()
    undecided: tuple[str, ...] = ()
    beside_torch: bool = False


def find_broken_extensions(
    fs: Rootfs, config: ImageConfig, interpreter: Interpreter | Unknown, installed: Sequence[Installed], torch: Torch
) -> Tried:
    """Try each by itself, in a Python that has just started, then in one that has imported torch.

    Raises `NotKept`, `LimitExceeded`.
    """
    if isinstance(interpreter, Unknown) or interpreter.runs != "yes":
        return Tried()  # a finding about the interpreter says so
    view = as_user(fs, environment_of(fs, config))
    around = surroundings(fs, Folders(view), config, interpreter, installed, Survey())
    python = Python(around.root, around.interpreter.resolved, around.started)
    tables = Tables(around.root)
    found = list(itertools.islice(_files(around, modules=True), MAX_TRIED + 1))
    failed = _failing(python.start(1, tables), found[:MAX_TRIED])
    imported = torch.installed and torch.importable == "yes"
    libraries = list(itertools.islice(_files(around, modules=False), MAX_TRIED + 1)) if imported else []
    opened = [path for path in libraries[:MAX_TRIED] if _needs_torch(fs, path)]
    files = _torch(around) if (failed or opened) and imported else None
    process = python.start(1, tables) if files is not None else None
    if files is not None and isinstance(process, Process) and import_torch(process, fs, files) is None:
        failed = [*_failing(process, [path for path, _ in failed]), *_failing(process, opened, modules=False)]
    elif failed or opened:
        imported = False
    sure = [(path, why) for path, why in failed if why.certainty != "unknown"]
    names = _names(around.folders, {_site(path) if path in opened else _package(path) for path, _ in sure})
    told = [(path, why) for path, why in sure if not _may_be_there(why, names)]
    unsure = [f"{path}: {why}" for path, why in failed if why.certainty == "unknown"]
    unsure += [f"{path}: {why}" for path, why in sure if path in opened and _may_be_there(why, names)]
    more = [f"there are more than {MAX_TRIED} of them"] if max(len(found), len(libraries)) > MAX_TRIED else []
    more += [f"more than {MAX_FOUND} can't load"] if len(told) > MAX_FOUND else []
    return Tried(
        broken=tuple(_described(around.root, path, why, installed) for path, why in told[:MAX_FOUND]),
        undecided=(*more, *unsure[:MAX_FOUND]),
        beside_torch=imported,
    )


def _torch(around: Surroundings) -> TorchFiles | None:
    for found in find_modules(around.folders, around.interpreter.search_path, "torch", around.suffixes):
        if found.form == "package" and is_torch(around.folders, found.path):
            files = torch_files(candidate_of(around, found))
            return files if isinstance(files, TorchFiles) else None
    return None


def _failing(
    process: Process | LoadFailure, paths: Sequence[str], *, modules: bool = True
) -> list[tuple[str, ImportFailure]]:
    if isinstance(process, LoadFailure):
        return []  # a finding about the interpreter says so
    found = []
    for path in paths:
        work.check()
        with process.trying():
            failure = _imported(process, path) if modules else open_library(process, path)
        if failure is not None and process.levels:
            failure = msgspec.structs.replace(failure, certainty="unknown")  # another processor has other libraries
        if failure is not None:
            found.append((path, failure))
    return found


def _imported(process: Process, path: str) -> ImportFailure | None:
    failure = import_extension(process, posixpath.basename(path).partition(".")[0], path)
    loads = failure is not None and failure.cause is None and failure.certainty == "fails"
    return None if loads and path.endswith(_STABLE) else failure  # torchaudio's have no PyInit: torch.ops opens them


def _files(around: Surroundings, *, modules: bool) -> Iterator[str]:
    """List the files with this interpreter's own ending, or the stable ABI's, in the folders of packages.

    Or else the libraries beside them that are no modules, which a package may open by itself.
    """
    endings = (*around.suffixes.own, _STABLE)
    for entry in dict.fromkeys(around.interpreter.search_path):
        if entry.endswith(("site-packages", "dist-packages")):
            for path in _libraries(around.folders, entry):
                if (
                    path.endswith(endings)
                    if modules
                    else not path.endswith(endings) and ".cpython-" not in posixpath.basename(path)
                ):
                    yield f"{entry}/{path}"


def _libraries(folders: Folders, entry: str) -> Iterator[str]:
    """List the libraries in an entry of the search path and in the folders below it that modules are imported from."""
    top = resolve(folders.fs, entry) or entry
    below = folders.below(top)
    if below is not None:
        for folder, files in below.folders.items():
            if not any(map(_is_left_out, folder.split("/"))):
                yield from (folder + name for name in files if name.endswith(_LIBRARY))
        return
    todo = [""]
    while todo:
        folder = todo.pop()
        for name, node in folders.fs.scandir(f"{top}/{folder}".rstrip("/")).items():
            if node.kind is Kind.DIRECTORY and not _is_left_out(name):
                todo.append(f"{folder}{name}/")
            elif node.kind is Kind.FILE and name.endswith(_LIBRARY):
                yield folder + name


def _is_left_out(folder: str) -> bool:
    return folder in _NO_MODULES or folder.endswith(_NO_FOLDERS)


def _may_be_there(failure: ImportFailure, names: frozenset[str]) -> bool:
    """Tell whether the library that is missing comes from the host, or its package opens it first by itself."""
    missing = failure.cause.library if failure.cause is not None and failure.cause.kind == "missing" else ""
    return bool(missing) and (re.match(_OF_DRIVER, missing) is not None or missing in names)


def _names(folders: Folders, tops: Iterable[str]) -> frozenset[str]:
    """List the files below the packages of modules that fail, and below where libraries that fail lie, by name."""
    found: set[str] = set()
    for top in tops:
        todo = [top]
        while todo:
            folder = todo.pop()
            for name, node in folders.at(folder).children.items():
                if node.kind is Kind.DIRECTORY:
                    todo.append(f"{folder}/{name}")
                elif ".so" in name:
                    found.add(name)
    return frozenset(found)


def _site(path: str) -> str:
    return f"{path.partition('-packages/')[0]}-packages"


def _package(path: str) -> str:
    """Return the folder of site-packages that a path lies in, or of the package below it."""
    site, _, rest = path.partition("-packages/")
    return f"{site}-packages/{rest.partition('/')[0]}" if "/" in rest else f"{site}-packages/{rest}.libs"


def _described(fs: Rootfs, path: str, why: ImportFailure, installed: Sequence[Installed]) -> BrokenExtension:
    node = fs.lstat(resolve(fs, path) or path)
    owner = next((one for one in installed if node and one.owned and node.inode in one.owned.files), None)
    name = f"{owner.name} {owner.version}" if owner else posixpath.basename(path).partition(".")[0]
    asked = (why.cause.needed_by or why.cause.object) if why.cause else ""
    for_torch = bool(why.cause and why.cause.symbol) and ("c10" in str(why) or "torch" in str(why) or "at" in asked)
    reason = f"{why}: built for another torch" if for_torch and _needs_torch(fs, path) else str(why)
    return BrokenExtension(distribution=name, path=path, reason=reason, layer=node.layer if node else None)


def _needs_torch(fs: Rootfs, path: str) -> bool:
    needed = getattr(fs.skeleton(resolve(fs, path) or path), "needed", ())
    return any(_TORCH.match(name) for name in needed)
