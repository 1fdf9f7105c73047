"""For which platform a root file system is: as its own programs tell, since no manifest does."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from inspector.elf import MAGIC
from inspector.errors import InspectorError, PlatformMissing
from inspector.layers.merge import merge
from inspector.oci import Platform
from inspector.rootfs import Kind, Rootfs, resolve
from inspector.sources.platforms import own_platform, same

if TYPE_CHECKING:
    from inspector.layers.entry import LayerIndex
    from inspector.sources.platforms import Wanted

_PYTHONS = ("/usr/local/bin/python3", "/usr/bin/python3", "/opt/conda/bin/python")
_PROGRAMS = (*_PYTHONS, "/bin/sh", "/usr/bin/env", "/bin/ls")
"""Those that tell the platform, in this order; in a root without them, any Python, else any program."""
_PYTHON = re.compile(r"(?:^|/)bin/python3?(?:\.\d+)?\Z")
_ARCHITECTURES = {
    (3, 1, 1): "386",
    (62, 2, 1): "amd64",
    (40, 1, 1): "arm/v7",
    (183, 2, 1): "arm64",
    (21, 2, 1): "ppc64le",
    (21, 2, 2): "ppc64",
    (22, 2, 2): "s390x",
    (243, 2, 1): "riscv64",
    (258, 2, 1): "loong64",
}
"""By `e_machine`, class and byte order of an ELF header, the architecture in Go's names."""


def choose_platform(
    index: LayerIndex, wanted: Wanted, stated: Platform | None, where: str
) -> tuple[Platform, list[str]]:
    """Return the platform: what its programs tell, else what a configuration states or was asked for; and warnings.

    Raises `PlatformMissing` where what was asked for is another one.
    """
    asked = None if wanted in (None, "all") else wanted
    told = machine_of(index)
    known = told or stated
    if isinstance(asked, Platform):
        if known is not None and not same(known, asked):
            raise PlatformMissing(f"{where}: is for {known}, not for {asked}; leave out --platform")
        return asked.normal(), []
    if told is not None and stated is not None and not same(told, stated):
        raise PlatformMissing(f"{where}: its programs are for {told}, and the configuration is for {stated}")
    if known is not None:
        return known, []
    own = own_platform()
    return own, [f"none of its programs tells its platform: taken for {own}, as this machine is; see --platform"]


def machine_of(index: LayerIndex) -> Platform | None:
    """Return the platform of the interpreter, else of the shell or any program; None where none tells."""
    fs = merge([index], literal=True)
    for path in _PROGRAMS:
        if (found := _of_program(fs, path)) is not None:
            return found
    entries = index.entries
    for pattern in (_PYTHON, re.compile("")):
        for position, data in entries.data.items():
            if data.startswith(MAGIC) and pattern.search(entries.path(position)) and (found := platform_in(data)):
                return found
    return None


def _of_program(fs: Rootfs, path: str) -> Platform | None:
    try:
        real = resolve(fs, path)
        node = fs.lstat(real) if real is not None else None
        return platform_in(fs.head(real)) if real and node and node.kind is Kind.FILE else None
    except InspectorError:  # links without end, or bytes that were not kept
        return None


def platform_in(head: bytes) -> Platform | None:
    """Return the platform that the first bytes of a program tell (gABI, "ELF Header")."""
    if len(head) < 20 or not head.startswith(MAGIC) or head[5] not in (1, 2):
        return None
    (machine,) = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)
    architecture, _, variant = _ARCHITECTURES.get((machine, head[4], head[5]), "").partition("/")
    return Platform("linux", architecture, variant) if architecture else None
