"""Checks that torch's compiled parts fit the interpreter: its ABI, its machine, its C library."""

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

GLOBAL_DEPS = "lib/libtorch_global_deps.so"
"""The library that `import torch` loads first, from 2.0 on."""
_GLIBC_OF_BINARIES = (2, 28)
"""What torch's own binaries need from release 2.13 on, by the versions of the symbols that they use."""


def check_implementation(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that the interpreter is the CPython that torch is built for."""
    if not _is_cpython(torch):
        implementation = torch.interpreter.implementation
        yield Diagnostic("unknown", f"torch is built for CPython, and the interpreter is {implementation}")


def check_binaries(torch: Candidate) -> Iterator[Diagnostic]:
    """Check `torch/_C` and the first library that `import torch` loads."""
    if not _is_cpython(torch):
        return
    extension = find_in(torch.folders, torch.path, "_C", torch.suffixes)
    if extension is not None and extension.loader == "extension" and extension.origin:
        yield from check_elf(torch, extension.origin)
    elif extension is not None and extension.loader != "none":
        yield Diagnostic("unknown", f"{extension.path!r} stands where torch's extension module should")
    else:
        yield _missing_extension(torch)
    path = f"{torch.path}/{GLOBAL_DEPS}"
    if torch.folders.is_file(path):
        yield from check_elf(torch, path)
    elif torch.since(2, 0):
        yield Diagnostic("no", f"torch/{GLOBAL_DEPS} is missing, which `import torch` loads first")


def check_platform(torch: Candidate) -> Iterator[Diagnostic]:
    """Check the wheel's own tags, and the C library that releases are known to need."""
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


def _missing_extension(torch: Candidate) -> Diagnostic:
    others = extensions_of(torch.folders, torch.path, "_C")
    if others:
        interpreter = torch.interpreter
        wanted = f"{interpreter.abi} on {interpreter.machine or 'a machine that is not known'}"
        return Diagnostic(
            "no", f"torch's extension module is {some(others)}, which an interpreter {wanted} does not load"
        )
    return Diagnostic("no", "torch's extension module torch/_C*.so is missing")


def check_elf(torch: Candidate, path: str) -> Iterator[Diagnostic]:
    """Check that the file is a library for the interpreter's machine."""
    shown = f"torch/{path.removeprefix(torch.path + '/')}"
    try:
        resolved = resolve(torch.folders.fs, path)
        node = torch.folders.fs.lstat(resolved or path)
        if node is not None and node.size == 0:
            yield Diagnostic("no", f"{shown} is an empty file")
            return
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


def _is_cpython(torch: Candidate) -> bool:
    return torch.interpreter.implementation.lower() == "cpython" and bool(torch.interpreter.abi)


def _tags(torch: Candidate) -> tuple[str, ...] | None:
    """Read the tags of the wheel that torch came from: empty without a WHEEL file, None where it can't be read."""
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
