"""What glibc tests of a file before it maps it: some make it look further, others end the search for good."""

from __future__ import annotations

import errno

import msgspec

from inspector.elf import NotElf, Skeleton
from inspector.loader.errors import LoadStops, bad_file, crashed, unknown
from inspector.loader.files import SystemRefuses
from inspector.loader.hwcaps import X86_64
from inspector.loader.model import LoadFailure
from inspector.rootfs import Kind, Node, NotKept, Rootfs

ET_EXEC, ET_DYN = 2, 3
_OSABI = (0, 3)
_NOOPEN = 0x40
_PIE = 0x08000000
_PAGE = 4096
_STACK_CHECKED_FROM = (2, 41)
_PIE_REFUSED_FROM = (2, 30)


class Machine(msgspec.Struct, frozen=True):
    """What the program, and so each of its libraries, is built for.

    `first` is whether its glibc passes over other machines before it looks at the byte order, as Debian's does.
    """

    bits: int
    order: str
    number: int
    first: bool = False


class Candidate(msgspec.Struct, frozen=True):
    """A file that would be mapped: its path as opened, the one without links, and its skeleton."""

    path: str
    file: str
    node: Node
    skeleton: Skeleton


class OtherClass(SystemRefuses):
    """A library of 32 bits where one of 64 is wanted, or the reverse; the search goes on."""


def examine(fs: Rootfs, machine: Machine, path: str, file: str, node: Node) -> Candidate:
    """Return what was opened as a candidate.

    Raises `SystemRefuses` where the search goes on, `LoadStops` where it ends.
    """
    if node.kind is Kind.DIRECTORY:
        raise bad_file(path, "cannot read file data: Is a directory")
    if node.kind is not Kind.FILE:
        raise unknown(path, f"it is a {node.kind.value}")
    if node.size == 0:
        raise bad_file(path, "file too short")
    found = skeleton_of(fs, path, file)
    if isinstance(found, NotElf):
        raise bad_file(path, found.reason)
    _check_header(path, found, machine)
    return Candidate(path, file, node, found)


def _check_header(path: str, found: Skeleton, machine: Machine) -> None:
    if found.bits != machine.bits:
        raise OtherClass(errno.ENOENT)
    if machine.first and (found.machine, found.order) != (machine.number, machine.order):
        raise SystemRefuses(errno.ENOENT)
    if found.order != machine.order:
        other = "little" if machine.order == "<" else "big"
        raise bad_file(path, f"ELF file data encoding not {other}-endian")
    if found.osabi not in _OSABI:
        raise bad_file(path, "ELF file OS ABI invalid")
    if found.refused:
        raise bad_file(path, found.refused)
    if found.machine != machine.number:
        raise SystemRefuses(errno.ENOENT)
    if found.kind not in (ET_EXEC, ET_DYN):
        raise bad_file(path, "only ET_DYN and ET_EXEC can be loaded")


def skeleton_of(fs: Rootfs, path: str, file: str) -> Skeleton | NotElf:
    """Return a file's skeleton. Raises `LoadStops` where it is not known, or not whole."""
    try:
        return fs.skeleton(file)
    except NotKept as error:
        raise unknown(path, f"its ELF header is not known: {error}") from None


def check_mappable(
    found: Candidate, name: str, glibc: tuple[int, int], *, opened: bool, stack_executable: bool
) -> None:
    """Raise `LoadStops` where glibc would not map the file, which it then calls as it was asked for: `name`.

    `opened` is dlopen's, not the start of a program.
    """
    skeleton = found.skeleton
    check_whole(found.path, skeleton)
    if skeleton.kind == ET_EXEC:
        raise bad_file(name, "cannot dynamically load executable")
    if not skeleton.dynamic:
        raise bad_file(name, "object file has no dynamic section")
    if not skeleton.aligned:
        raise bad_file(name, "ELF load command address/offset not page-aligned")
    if skeleton.flags_1 & _PIE and glibc >= _PIE_REFUSED_FROM:
        raise bad_file(name, "cannot dynamically load position-independent executable")
    if skeleton.flags_1 & _NOOPEN and opened:
        raise bad_file(name, "shared object cannot be dlopen()ed")
    wants_stack = skeleton.executable_stack or (skeleton.executable_stack is None and skeleton.machine == X86_64)
    if wants_stack and opened and not stack_executable and glibc >= _STACK_CHECKED_FROM:
        text = f"{name}: cannot enable executable stack as shared object requires: Invalid argument"
        raise LoadStops(LoadFailure(kind="stack", object=found.path, text=text, library=name.rpartition("/")[2]))


def check_whole(path: str, skeleton: Skeleton) -> None:
    """Raise `LoadStops` for a file that ends within what is mapped, or whose skeleton is not whole.

    Touching a page behind the end kills the process; what is cut off within the last page reads as zeros.
    """
    if skeleton.loaded > skeleton.size:
        pages, whole = (-(-length // _PAGE) for length in (skeleton.size, skeleton.loaded))
        if pages == whole:
            raise unknown(path, f"the file is cut: {skeleton.size} bytes of at least {skeleton.loaded}")
        why = f"Bus error: the file is cut, {skeleton.size} bytes of at least {skeleton.loaded}"
        raise crashed(path, why, 135)
    if skeleton.partial:
        raise unknown(path, skeleton.partial)
