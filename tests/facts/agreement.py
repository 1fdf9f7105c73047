"""Whatever partial facts state, whole facts of the same image state too."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from inspector.facts import ImageFacts
from inspector.facts.partial import inspect_partially
from inspector.layers.merge import MergedRootfs
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Distribution, Interpreter, Libc, Startup
from inspector.python.startup import find_startup
from inspector.sources.engine.container import ContainerRootfs
from inspector.sources.image import Image
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from inspector.unknown import Absent, Unknown
from tests.facts.archive import MemoryArchive

UNSEEN = re.compile(
    r"files of torch's RECORD missing|files of another size than in RECORD|runs code at start"
    r"|take the place of modules of the standard library|the standard library lacks|torch asks for '"
    r"|from partially initialized module|which torch/__init__\.py imports|torch/__init__\.py imports"
    r"|backend plugin|is built for|may be closed to user|may not be allowed to read"
    r"|^(?:ImportError|OSError|ValueError|ModuleNotFoundError): |what the loader does|which an interpreter"
    r"|it depends on the processor|is not numpy as it is known|error while loading shared libraries|: file too short"
    r"|^sources of |^sources whose bytecode|sources can't be followed|is bytecode, and whether|is used unchecked"
    r"|bad magic number in|reached EOF while reading pyc|raised in .*which Python runs at its start"
    r"|: invalid ELF header|^exec |: cannot open shared object file|: cannot read file data|: Bus error: the file"
    r"|: ELF file |: only ET_DYN and ET_EXEC|: cannot dynamically load|: object file has no dynamic section"
    r"|Inconsistency detected by ld\.so|: undefined symbol: |: version `|Error (?:loading|relocating) "
    r"|entry points of '"
)
"""Why a torch that was inspected partially may not work all the same: what the warning beside it names."""


class Whole(msgspec.Struct, frozen=True):
    """What the files of a whole image tell."""

    interpreter: Interpreter | Unknown
    distributions: tuple[Distribution, ...]
    torch: Torch
    startup: Startup


def whole_of(fs: MergedRootfs, config: ImageConfig, command: str = "python") -> Whole:
    """The facts with everything listed."""
    interpreter, _ = find_interpreter(fs, config, command)
    installed, _ = find_distributions(fs, interpreter)
    torch, _, _ = find_torch(fs, config, interpreter, installed)
    return Whole(interpreter, tuple(one.facts() for one in installed), torch, find_startup(fs, config))


def partial_facts_of(
    fs: MergedRootfs, config: ImageConfig, command: str = "python", *, whole: bool = False, packages: str = ""
) -> tuple[ImageFacts, MemoryArchive]:
    """The facts through a container of the image, and what was asked of it."""
    engine = MemoryArchive(fs)
    image = Image(
        reference="docker:a", source="docker", image_id=None, config=config, platform=config.platform, layers=()
    )
    files = ContainerRootfs(engine, "c")
    facts = inspect_partially(image, files, python=command, whole=whole, packages=packages)
    files.confirm()
    return facts, engine


def disagreements(part: ImageFacts, whole: Whole | ImageFacts) -> list[str]:
    """What the partial facts state and the whole ones don't."""
    found = [f"interpreter: {text}" for text in _interpreters(part.interpreter, whole.interpreter)]
    found += [f"torch: {text}" for text in _torches(part.torch, whole.torch)]
    if part.startup.starts != "unknown" and part.startup != whole.startup:
        found.append(f"startup: {part.startup} / {whole.startup}")
    if isinstance(part.distributions, tuple):
        assert isinstance(whole.distributions, tuple)
        found += _distributions(part.distributions, whole.distributions)
    return found


def _interpreters(part: Interpreter | Unknown, whole: Interpreter | Unknown) -> list[str]:
    if isinstance(part, Unknown) and not isinstance(part, Absent):
        return []
    if isinstance(part, Unknown) or isinstance(whole, Unknown):
        return [] if part == whole else [f"{part} / {whole}"]
    undecided = ("runs", "reasons") if part.runs == "unknown" else ()
    found = [
        f"{name}: {getattr(part, name)} / {getattr(whole, name)}"
        for name in Interpreter.__struct_fields__
        if name not in ("search_path", "hooks", "libc", *undecided) and getattr(part, name) != getattr(whole, name)
    ]
    open_ = part.runs != "unknown"  # folders that may be closed to the user are left out where that is known
    if open_ and part.libc is not None and not _is_known_as(part.libc, whole.libc):
        found.append(f"libc: {part.libc} / {whole.libc}")
    if open_ and not (_is_within(part.search_path, whole.search_path) and set(part.hooks) <= set(whole.hooks)):
        found.append(f"search path: {part.search_path} / {whole.search_path}")
    return found


def _is_known_as(part: Libc, whole: Libc | None) -> bool:
    """Whether both name one C library, of one version where `part` tells any: a stored one is not looked into."""
    return whole is not None and part.name == whole.name and part.version in (None, whole.version)


def _is_within(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether `part` is `whole` with some left out."""
    rest = iter(whole)
    return all(entry in rest for entry in part)


def _torches(part: Torch, whole: Torch) -> list[str]:
    if part.importable == "unknown" and not part.installed:
        return []
    names = ["installed", "version", "cuda", "hip", "xpu", "path"]
    names += [name for name in ("distribution_version", "size") if getattr(part, name) is not None]
    names += ["build"] if part.build != "unknown" else []
    found = [
        f"{name}: {getattr(part, name)} / {getattr(whole, name)}"
        for name in names
        if getattr(part, name) != getattr(whole, name)
    ]
    if part.importable == "unknown":
        return found
    unseen = all(UNSEEN.search(reason) or reason in part.reasons for reason in whole.reasons)
    if part.importable != whole.importable and not unseen:
        found.append(f"importable: {part.importable} {part.reasons} / {whole.importable} {whole.reasons}")
    return found


def _distributions(part: Sequence[Distribution], whole: Sequence[Distribution]) -> list[str]:
    stated = {
        (one.name, one.version, one.path, one.installer) + ((one.size,) if one.size is not None else ()) for one in part
    }
    sizes = {(one.name, one.version, one.path, one.installer, one.size) for one in whole}
    known = sizes | {row[:4] for row in sizes}
    return [f"distributions: {sorted(map(str, stated - known))}"] * bool(stated - known or len(part) != len(whole))
