"""What is kept of an ELF file: all that a loader decides by, in some hundred bytes, and its symbols beside."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.elf.hashes import hashes_of
from inspector.elf.words import words_of


class NotElf(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A file that a loader refuses at its first bytes; `reason` is in glibc's words, such as `file too short`."""

    reason: str


class VersionNeed(msgspec.Struct, frozen=True, array_like=True):
    """The versions that an object needs of the library `file` (one Verneed record, gABI "Symbol Versioning").

    Each of `versions` is a name and whether the need is weak.
    """

    file: str
    versions: tuple[tuple[str, bool], ...]


class Skeleton(msgspec.Struct, frozen=True, array_like=True, tag=True, kw_only=True):
    """One ELF file without its code. Numbers are those of `elf.h`; of equal dynamic tags the last counts.

    `rpath` and `runpath` are None where there is none, which differs from an empty one. `defined` are the versions
    that it defines, its base among them; None where it has no version section. `executable_stack` is None without a
    PT_GNU_STACK. `loaded` is the end of the last PT_LOAD and `size` that of the file, in bytes. `partial` says why some
    of it could not be read, in a forward pass or from a cut file; empty where all was. `refused` is what glibc says of
    a header that the kernel takes, `aligned` whether each PT_LOAD lies in its page as it does in the file; `level` is
    the x86-64 level that its GNU property says it needs, 5 for one past those that are defined.
    """

    bits: int
    order: str  # "<" or ">"
    osabi: int
    kind: int  # ET_EXEC 2, ET_DYN 3
    machine: int  # EM_X86_64 62, EM_AARCH64 183
    size: int
    loaded: int
    interpreter: str | None = None
    dynamic: bool = False
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: str | None = None
    runpath: str | None = None
    flags: int = 0
    flags_1: int = 0
    bind_now: bool = False
    symbolic: bool = False
    relr: bool = False
    executable_stack: bool | None = None
    tls: int = 0
    filters: tuple[str, ...] = ()
    auxiliary: tuple[str, ...] = ()
    needs: tuple[VersionNeed, ...] = ()
    defined: tuple[str, ...] | None = None
    partial: str = ""
    refused: str = ""
    aligned: bool = True
    level: int = 1


class Symbols(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The symbols of an object that binding decides by. Hashes are GNU hashes, little-endian, four bytes each.

    `names` are the undefined, not weak symbols that a relocation names, joined by NUL, in the order of the relocations:
    first the `data` ones that are bound at once, then those of the procedure linkage table, bound late unless
    RTLD_NOW or BIND_NOW. `versions` holds for each its version and the library that is to define it, as indexes
    into `needs` (file, version); -1 where it has none. `exported` are the hashes of what the object defines for others.
    `hidden` are, of these, those that an unversioned reference does not find: all that defines them are hidden versions
    (`@`, not `@@`) past the first one. `modules` are the names N of exported `PyInit_N`. `partial` says why some could
    not be read; with it, `names` may be a few too many (where only the relocations are missing), and all else too few.

    `defined` are the versions that it defines but the base, each that has any with the hashes that it defines in that
    version, empty where these are all that it exports; `""` are those that it also defines without one. What is in none
    is in the base, which serves every version; None where it has no version section.

    Of symbols that are `kept`, there are no names but their `hashes`, all of undefined ones where the relocations were
    not read; those that are `thinned` export no more than was looked for: what is found by them is found, and what is
    not, the whole symbols may have.
    """

    names: bytes = b""
    data: int = 0
    versions: tuple[int, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    exported: bytes = b""
    hidden: bytes = b""
    modules: tuple[str, ...] = ()
    partial: str = ""
    defined: tuple[tuple[str, bytes], ...] | None = None
    hashes: bytes = b""
    kept: bool = False
    thinned: bool = False

    def undefined(self) -> Sequence[int]:
        """Return the hashes of the undefined symbols, in their order."""
        if self.kept or not self.names:
            return words_of(self.hashes)
        return hashes_of(self.names.split(b"\0"))


class LoaderFacts(msgspec.Struct, frozen=True, array_like=True):
    """What a loader's file says of itself: where it looks by default, in order, and its release as `2.36`.

    `glibc` is empty for a loader that is not glibc's; `cache` is where that has its cache, empty where it doesn't say.
    """

    folders: tuple[str, ...] = ()
    glibc: str = ""
    cache: str = ""
