"""Forward compatibility: `libcuda.so.<version>` that an image brings, and when it is used in place of the host's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from inspector.gpu.versions import compare, major_of

MAX_NOTE = 4096
"""Bytes of a note that are read; those of CUDA 12.9 to 13.1 take 200."""
FOLDER = "/usr/local/cuda/compat"
"""Where the toolkit looks, links followed."""
_NAME = re.compile(r"libcuda\.so\.(\d+\.\d+(?:\.\d+)?)", re.ASCII)

Toolkit = tuple[int, int, int]


class Note(msgspec.Struct, frozen=True):
    """What the library says of itself (ELF section `.note.cuda.fwd_compatibility`).

    `driver` are the branches of host drivers under which it works, `device` NVML's codes of brands.
    """

    cuda: str = msgspec.field(name="CUDA version", default="")
    driver: tuple[int, ...] = ()
    device: tuple[int, ...] = ()


class Compat(NamedTuple):
    """A compat library of an image: path, driver version that it belongs to, and its note if it has one."""

    path: str
    version: str
    note: Note | None = None


def version_of(name: str) -> str | None:
    """Return the driver version in the name of a libcuda; None where it has none."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


def read_note(text: bytes) -> Note | None:
    """Read the JSON of a note; None where it is not one."""
    if len(text) > MAX_NOTE:
        return None
    try:
        return msgspec.json.decode(text.rstrip(b"\0"), type=Note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def chosen(found: Iterable[Compat]) -> Compat | None:
    """Return the library that the toolkit would use: the one that lies in its folder, if it is alone there."""
    there = list(found)
    return there[0] if len(there) == 1 else None


def is_used(compat: Compat, driver: str, mode: Literal["legacy", "cdi", "csv"], toolkit: Toolkit | None) -> bool | None:
    """Tell whether the library takes the place of the host's; None where the toolkit's version decides.

    Toolkit 1.20 asks the note in its cdi mode; earlier ones, and the legacy mode, compare the major versions.
    1.17.4 left it out in legacy mode, versions before always mounted it (CHANGELOG, cudacompat.go, compat_mode.c).
    """
    newer = compare(compat.version, driver)
    mine, hosts = major_of(compat.version), major_of(driver)
    if newer is None or mine is None or hosts is None:
        return None
    by_major = mine > hosts
    if mode == "legacy":
        if toolkit is not None and toolkit < (1, 17, 4):
            return True
        if toolkit is not None and toolkit == (1, 17, 4):
            return False
        return by_major
    by_note = by_major if compat.note is None else hosts in compat.note.driver and newer > 0
    if toolkit is None:
        return by_note if by_note == by_major else None
    return by_note if toolkit >= (1, 20, 0) else by_major
