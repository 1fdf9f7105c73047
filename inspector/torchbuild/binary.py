"""Whether torch's compiled parts fit the interpreter: its ABI, its machine, its C library."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.errors import InspectorError
from inspector.python.dist_info import read_metadata
from inspector.python.elf import parse_header
from inspector.python.modules import extensions_of, find_in
from inspector.python.wheel_tags import glibc_needed, misfit, parse_tags
from inspector.rootfs import resolve
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.releases import release_of

_GLOBAL = "lib/libtorch_global_deps.so"
_GLIBC_OF_BINARIES = (2, 28)
"""What torch's own binaries need from release 2.13 on, by the versions of the symbols that they use."""


def check_binaries(torch: Candidate) -> Iterator[Diagnostic]:
    """`torch/_C` and the first library that `import torch` loads."""
    if torch.interpreter.implementation.lower() != "cpython" or not torch.interpreter.abi:
        yield Diagnostic(
            "unknown", f"torch is built for CPython, and the interpreter is {torch.interpreter.implementation}"
        )
        return
    yield from _check_init(torch)
    extension = find_in(torch.folders, torch.path, "_C", torch.suffixes)
    if extension is not None and extension.loader == "extension" and extension.origin:
        yield from _check_elf(torch, extension.origin)
    elif extension is not None and extension.loader != "none":
        yield Diagnostic("unknown", f"{extension.path!r} stands where torch's extension module should")
    else:
        yield _missing_extension(torch)
    path = f"{torch.path}/{_GLOBAL}"
    if torch.folders.is_file(path):
        yield from _check_elf(torch, path)
    elif torch.since(2, 0):
        yield Diagnostic("no", f"torch/{_GLOBAL} is missing, which `import torch` loads first")


def check_platform(torch: Candidate) -> Iterator[Diagnostic]:
    """The wheel's own tags, and the C library that releases are known to need."""
    tags = _tags(torch)
    if tags is None:
        yield Diagnostic("unknown", "the WHEEL file that says what torch was built for can't be read")
        return
    libc = torch.interpreter.libc
    if libc is None:
        yield Diagnostic("unknown", "the image's C library is not known")
        return
    if libc.name != "glibc":
        if not any("musllinux" in tag for tag in tags):
            yield Diagnostic("no", f"torch is built for glibc, and the interpreter's C library is {libc.name}")
        return
    needed = glibc_needed(tags)
    reason = misfit(tags, torch.interpreter)
    if _too_old(libc.version, needed) and needed is not None:
        yield Diagnostic("no", f"its wheel needs glibc {needed[0]}.{needed[1]}, and the image has {libc.version}")
    elif needed is not None and libc.version is None:
        yield Diagnostic(
            "unknown", f"its wheel needs glibc {needed[0]}.{needed[1]}, and the image's version is not known"
        )
    elif reason is not None:
        yield Diagnostic("unknown", reason)  # what `import` loads is decided by the files, not by the tags
    elif _too_old(libc.version, _GLIBC_OF_BINARIES) and torch.since(2, 13):
        yield Diagnostic(
            "unknown", f"torch is usually built for glibc 2.28 from 2.13 on, and the image has {libc.version}"
        )


def _check_init(torch: Candidate) -> Iterator[Diagnostic]:
    """The package's own `__init__` is source, and not empty."""
    node = torch.folders.node(torch.found.origin) if torch.found.origin else None
    if torch.found.loader != "source":
        yield Diagnostic("unknown", f"{torch.found.origin!r} is no source: whether it loads is not known")
    elif node is not None and node.size == 0:
        yield Diagnostic("no", "torch/__init__.py is empty: what is imported holds nothing")


def _missing_extension(torch: Candidate) -> Diagnostic:
    if not torch.survey.whole:
        return Diagnostic("unknown", "torch's extension module was not found by the name that this interpreter loads")
    others = extensions_of(torch.folders, torch.path, "_C")
    if others:
        interpreter = torch.interpreter
        wanted = f"{interpreter.abi} on {interpreter.machine or 'a machine that is not known'}"
        return Diagnostic(
            "no", f"torch's extension module is {some(others)}, which an interpreter {wanted} does not load"
        )
    return Diagnostic("no", "torch's extension module torch/_C*.so is missing")


def _check_elf(torch: Candidate, path: str) -> Iterator[Diagnostic]:
    """The file is a library for the interpreter's machine."""
    shown = f"torch/{path.removeprefix(torch.path + '/')}"
    try:
        resolved = resolve(torch.folders.fs, path)
        node = torch.folders.fs.lstat(resolved or path)
        if node is not None and node.size == 0:
            yield Diagnostic("no", f"{shown} is an empty file")
            return
        if not torch.survey.whole and path.endswith((*torch.suffixes.own, _GLOBAL)):
            return  # the name tells the machine, and each look inside a file costs as much as many at names
        header = parse_header(torch.folders.fs.head(resolved or path))
    except InspectorError:
        yield Diagnostic("unknown", f"the machine that {shown} is built for is not known: its bytes were not kept")
        return
    if header is None:
        yield Diagnostic("no", f"{shown} is no library: it has no ELF header")
    elif torch.interpreter.machine is None:
        yield Diagnostic("unknown", "the machine that the interpreter is built for is not known")
    elif header.machine != torch.interpreter.machine:
        yield Diagnostic(
            "no", f"{shown} is built for {header.machine}, the interpreter for {torch.interpreter.machine}"
        )


def _tags(torch: Candidate) -> tuple[str, ...] | None:
    """The tags of the wheel that torch came from; none where no WHEEL file tells them, None where it can't be read."""
    if torch.distribution is None:
        return ()
    try:
        wheel = read_metadata(torch.folders, torch.distribution.path, "WHEEL")
    except InspectorError:
        return None
    return parse_tags((wheel or b"").decode("utf-8", "replace"))


def _too_old(libc: str | None, needed: tuple[int, int] | None) -> bool:
    version = release_of(libc)
    return version is not None and needed is not None and version < needed
