"""The C library of an image, told by a program's loader."""

from __future__ import annotations

import posixpath
import re

from inspector.elf import Skeleton
from inspector.errors import NotFound
from inspector.python.elf import ElfHeader
from inspector.python.files import apk_database, find
from inspector.python.model import Libc
from inspector.rootfs import NotKept, Rootfs

_GLIBC_VERSION = re.compile(r"GLIBC_(\d{1,3})\.(\d{1,3})")
_MUSL_PACKAGE = r"(?m)^P:musl\nV:([0-9][^\s-]{0,32})"
_GLIBC_LOADERS = ("ld-linux", "ld64.so", "ld.so.1", "ld-2.")


def find_libc(fs: Rootfs, program: ElfHeader) -> Libc | None:
    """Return the C library behind the loader that a program asks for.

    None for a static program or an unknown loader.
    """
    name = posixpath.basename(program.loader or "")
    if name.startswith("ld-musl-"):
        return Libc("musl", _musl_version(fs))
    if name.startswith(_GLIBC_LOADERS):
        return Libc("glibc", _glibc_version(fs, program))
    return None


def _glibc_version(fs: Rootfs, program: ElfHeader) -> str | None:
    """Return the highest GLIBC_X.Y that libc.so.6 defines.

    It lies beside the loader, or where loaders look by default.
    """
    loader = find(fs, program.loader or "")
    beside = [posixpath.dirname(loader[0])] if loader else []
    multiarch = f"{program.machine.replace('i686', 'i386')}-linux-gnu"
    for folder in [*beside, f"/lib/{multiarch}", f"/usr/lib/{multiarch}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]:
        library = find(fs, f"{folder}/libc.so.6")
        if library is None:
            continue
        try:
            skeleton = fs.skeleton(library[0])
        except (NotKept, NotFound):
            continue
        names = skeleton.defined or () if isinstance(skeleton, Skeleton) else ()
        versions = [(int(match[1]), int(match[2])) for name in names if (match := _GLIBC_VERSION.fullmatch(name))]
        if versions:
            return "{}.{}".format(*max(versions))
    return None


def _musl_version(fs: Rootfs) -> str | None:
    try:
        database = apk_database(fs)
    except NotKept:
        return None
    match = re.search(_MUSL_PACKAGE, database)
    return match[1] if match else None
