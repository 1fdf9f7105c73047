"""Inspects a created container by its single files, and lists the few folders that can't be done without."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.facts.command import Asked, find_command, find_question
from inspector.facts.doubts import with_doubts
from inspector.facts.model import Evidence, ImageFacts, Size
from inspector.facts.partial.torch import MustList, find_torch_by_name
from inspector.facts.unread import unread
from inspector.gpu.find import find_gpu
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.installed import Installed
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Distribution, Interpreter
from inspector.python.question import Question
from inspector.python.startup import find_startup
from inspector.rootfs import NotKept, NotListed, is_dir, resolve
from inspector.sources.access import AccessUnusable, ContainerFiles
from inspector.sources.image import Image
from inspector.torchbuild.model import Torch
from inspector.unknown import Absent, Importable, Unknown

MAX_ROUNDS = 4
"""Times that a search path is worked out again, with what the .pth files listed meanwhile add to it."""
MAX_FOLDERS = 64
"""Directories that are listed."""
SMALL, MAX_SMALL = 1 << 20, 4
"""Bytes of a folder before the standard library, such as the working directory, up to which it is listed; so many."""
MAX_BESIDE = 1 << 30
"""Bytes of a directory on the search path that is no site folder, past which it is not listed."""

_NOT_SEARCHED = "single files were asked for, and the image was not searched"
_NOT_LISTED = "the folders that distributions are installed in were not listed"
_PTH = "the .pth files of {!r} (which may add to the search path, or run code), "
_PARTIAL = (
    "only single files were looked at; not looked at: {}files that stand before the standard library's modules, "
    "whether that lacks any, whether all of torch's files are there, readable and as installed, what else torch "
    "requires, and backend plugins; reading the layers (`--access storage` or `--access save`) tells these"
)


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen so far; the .pth files of the site folders `unlisted` are not."""

    interpreter: Interpreter | Unknown
    warnings: tuple[str, ...]
    unlisted: tuple[str, ...]


def inspect_partially(
    image: Image, fs: ContainerFiles, *, python: str = "python", whole: bool = False, packages: str = ""
) -> ImageFacts:
    """Gather what the files tell that `fs` is asked for; the rest is `Unknown` or None.

    With `whole`, all directories of the search path are listed, so that the distributions are known too. `packages`
    says why these are needed: then the same is done, unless there is a torch, for to list that takes longer than to
    read the layers. Raises `AccessUnusable` then, and where an answer depends on a file that can't be read in this way.
    """
    begun = time.perf_counter()
    try:
        question = find_question(fs, image.config, python)
        fs.opens_libc = whole
        view = _first_view(fs, question, whole=whole, packages=packages)
        view, torch = _find_torch(fs, question, view)
        elsewhere = Unknown(_NOT_SEARCHED)
        torch = with_doubts(fs, question, view.interpreter, torch, elsewhere)
        distributions, warnings, unreadable = _distributions(fs, view)
        startup = find_startup(fs, image.config)
        asked = Asked(
            config=image.config,
            startup=startup,
            question=question,
            interpreter=view.interpreter,
            torch=torch,
            elsewhere=elsewhere,
        )
        command = find_command(fs, asked, whole=False)
        gpu = find_gpu(fs, image.config, torch, distributions, image.platform.architecture)
    except (NotKept, NotListed) as error:
        raise AccessUnusable(str(error)) from error
    fs.budget.check()  # a bound that was met on the way may have been taken for one unreadable file
    return msgspec.structs.replace(
        _by_manifest(image),
        startup=startup,
        interpreter=view.interpreter,
        distributions=distributions,
        torch=torch,
        torch_elsewhere=elsewhere,
        warnings=tuple(dict.fromkeys([*image.warnings, *view.warnings, *warnings, *_not_looked_at(view, torch)])),
        evidence=_evidence(fs, time.perf_counter() - begun),
        metadata_unread=unreadable,
        command=command,
        gpu=gpu,
    )


def _by_manifest(image: Image) -> ImageFacts:
    manifest = unread(image)
    layers = tuple(
        msgspec.structs.replace(facts, digest=layer.digest, compressed_size=None)
        for facts, layer in zip(manifest.layers, image.layers, strict=True)
    )
    return msgspec.structs.replace(manifest, size=Size(image.size, None), layers=layers)


def _first_view(fs: ContainerFiles, question: Question, *, whole: bool, packages: str) -> _View:
    """Find the interpreter, and list the folders that the question needs whatever comes of it."""
    view = _look(fs, question)
    if packages:
        _refuse_torch(fs, question, view, packages)
    if whole or packages:
        return _list_all(fs, question, view)
    _list_small(fs, view)
    return view


def _look(fs: ContainerFiles, question: Question) -> _View:
    unlisted: list[str] = []
    interpreter, warnings = find_interpreter(fs, question.config, question.asked, unlisted=unlisted, question=question)
    return _View(interpreter=interpreter, warnings=warnings, unlisted=tuple(unlisted))


def _find_torch(fs: ContainerFiles, question: Question, view: _View) -> tuple[_View, Torch]:
    """Find torch by name; without one, or where another may come before it, take in first what .pth files add."""
    for _ in range(MAX_ROUNDS):
        found = _torch_by_name(fs, question.config, view)
        if isinstance(found, Torch) and found.installed and not fs.opens_libc:
            fs.opens_libc = True
            view = _look(fs, question)
            found = _torch_by_name(fs, question.config, view)
        if isinstance(found, Torch):
            return view, found
        blind = _listed(fs, found.sites, None)
        if blind:
            return view, _not_known(blind)
        view = _look(fs, question)
    return view, _not_known("its .pth files lead to others, again and again")


def _refuse_torch(fs: ContainerFiles, question: Question, view: _View, packages: str) -> None:
    found = _torch_by_name(fs, question.config, view)
    if isinstance(found, Torch) and found.installed:
        raise AccessUnusable(f"{packages}, and to list those beside a torch takes as long as to read the layers")


def _torch_by_name(fs: ContainerFiles, config: ImageConfig, view: _View) -> Torch | MustList:
    installed: tuple[Installed, ...] = ()
    try:
        if not view.unlisted:
            installed, _ = find_distributions(fs, view.interpreter, unlisted=[])
        return find_torch_by_name(fs, config, view.interpreter, view.unlisted, installed)
    except AccessUnusable:
        raise
    except InspectorError as error:
        return _not_known(str(error))


def _not_known(why: str) -> Torch:
    return Torch(installed=False, importable=Importable.UNKNOWN, reasons=(why,))


def _list_small(fs: ContainerFiles, view: _View) -> None:
    """List the folders before the standard library, where small: files there may stand before its modules."""
    if isinstance(view.interpreter, Unknown):
        return
    path, base = view.interpreter.search_path, view.interpreter.base_prefix
    places = [real for entry in (*path, base, view.interpreter.prefix) if (real := resolve(fs, entry))]
    first = next((at for at, entry in enumerate(path) if entry.startswith(f"{base}/")), 0)
    for entry in path[: min(first, MAX_SMALL)]:
        real = resolve(fs, entry)
        if real and is_dir(fs, real) and not any(place.startswith(f"{real.rstrip('/')}/") for place in places):
            _listed(fs, [real], SMALL)


def _list_all(fs: ContainerFiles, question: Question, view: _View) -> _View:
    """List everything that the search path names, the outer of two first."""
    for _ in range(MAX_ROUNDS):
        if isinstance(view.interpreter, Unknown):
            break
        path = [view.interpreter.search_path[0], *view.interpreter.search_path]
        found = {real for entry in path if (real := resolve(fs, entry)) is not None and is_dir(fs, real)}
        outer = sorted(found - set(view.unlisted))
        if not _listed(fs, outer, MAX_BESIDE):
            _listed(fs, view.unlisted, None)
        before, view = view, _look(fs, question)
        if before.interpreter == view.interpreter:
            break
    return view


def _listed(fs: ContainerFiles, folders: Iterable[str], limit: int | None) -> str:
    """List the folders; return why one of them can't be, empty if all are."""
    blind = ""
    chosen = list(folders)
    if len(chosen) > MAX_FOLDERS:
        return f"{chosen[MAX_FOLDERS]!r} is one of more than {MAX_FOLDERS} folders to list"
    for folder in chosen:
        try:
            real = resolve(fs, folder) or folder
            if limit is None:
                fs.stream(real)
            else:
                fs.stream(real, limit=limit)
        except (LimitExceeded, NotListed) as error:
            blind = blind or str(error)
    return blind


def _distributions(
    fs: ContainerFiles, view: _View
) -> tuple[tuple[Distribution, ...] | Unknown, tuple[str, ...], tuple[str, ...]]:
    """Find the distributions, if every directory was listed that may hold any; warnings, and metadata not read."""
    if isinstance(view.interpreter, Unknown):
        absent = isinstance(view.interpreter, Absent)
        return () if absent else Unknown(view.interpreter.unknown), (), ()
    if view.unlisted:
        return Unknown(_NOT_LISTED), (), ()
    blind: list[str] = []
    unreadable: list[str] = []
    installed, warnings = find_distributions(fs, view.interpreter, unlisted=blind, unread=unreadable)
    found = Unknown(blind[0]) if blind else tuple(one.facts() for one in installed)
    return found, warnings, tuple(unreadable)


def _not_looked_at(view: _View, torch: Torch) -> Iterator[str]:
    """Say what was not looked at, where a torch was found."""
    if torch.installed:
        yield _PARTIAL.format(_PTH.format(", ".join(view.unlisted)) if view.unlisted else "")


def _evidence(fs: ContainerFiles, seconds: float) -> Evidence:
    """Say what the answer rests on: files alone, none of them a library that the loader was asked about.

    This is the one place where partial facts say so; reports and rules read it as `Evidence.partial`.
    """
    return Evidence(
        bytes_read=fs.bytes_read,
        layers_read=0,
        layers_cached=0,
        digests_verified=False,
        how="archive",
        seconds=round(seconds, 3),
        access="files",
        questions=fs.questions,
    )
