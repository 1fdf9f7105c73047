"""Forward compatibility: `libcuda.so.<version>` that an image brings, and when it is used in place of the host's."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from inspector.gpu.versions import compare, major_of
from inspector.oci import decoder

MAX_NOTE = 4096
"""Bytes of a note that are read; those of CUDA 12.9 to 13.1 take 200."""
FOLDER = "/usr/local/cuda/compat"
"""Where the toolkit looks, links followed."""
_OWNER = b"NVIDIA Corporation\0"
_NOTE = struct.Struct("<III")
_NAME = r"(?a)libcuda\.so\.(\d+\.\d+(?:\.\d+)?)"

Toolkit = tuple[int, int, int]


_Version = Annotated[str, msgspec.Meta(max_length=20)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=99_999)]
_Numbers = Annotated[tuple[_Number, ...], msgspec.Meta(max_length=256)]


class Note(msgspec.Struct, frozen=True):
    """What the library says of itself (ELF section `.note.cuda.fwd_compatibility`).

    `driver` are the branches of host drivers under which it works, `device` NVML's codes of brands.
    """

    cuda: _Version = ""
    driver: _Numbers = ()
    device: _Numbers = ()


class _Written(msgspec.Struct, frozen=True):
    """A note under the names that it has in the file."""

    driver: _Numbers
    cuda: _Version = msgspec.field(name="CUDA version", default="")
    device: _Numbers = ()


class Compat(msgspec.Struct, frozen=True):
    """A compat library of an image: path, driver version that it belongs to, and its note if it has one.

    `unread` says why it is not known whether it has a note; empty where that is known.
    """

    path: str
    version: str
    note: Note | None = None
    unread: str = ""


def version_of(name: str) -> str | None:
    """Return the driver version in the name of a libcuda; None where it has none."""
    found = re.fullmatch(_NAME, name)
    return found[1] if found else None


def read_note(text: bytes) -> Note | None:
    """Read the JSON of a note; None where it is not one."""
    if len(text) > MAX_NOTE:
        return None
    try:
        found = decoder(_Written).decode(text.rstrip(b"\0"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Note(found.cuda, found.driver, found.device)


def note_of(head: bytes) -> Note | None:
    """Return the note that stands in the first bytes of a library (gABI chapter 5, "Note Section"); None without one.

    Raises `ValueError` for one that is cut, or no such JSON.
    """
    at = head.find(_OWNER)
    while at >= _NOTE.size:
        order = ">" if head[5:6] == b"\x02" else "<"
        name, size, _ = struct.unpack_from(f"{order}III", head, at - _NOTE.size)
        if name == len(_OWNER):
            begin = at + -(-name // 4) * 4
            text = head[begin : begin + size]
            found = read_note(text) if len(text) == size else None
            if found is None:
                raise ValueError("its note of the drivers that it supports can't be read")
            return found
        at = head.find(_OWNER, at + 1)
    return None


def chosen(found: Iterable[Compat]) -> Compat | None:
    """Return the library that the toolkit would use: the one that lies in its folder, if it is alone there."""
    there = list(found)
    return there[0] if len(there) == 1 else None


def is_used(compat: Compat, driver: str, mode: Literal["legacy", "cdi", "csv"], toolkit: Toolkit | None) -> bool | None:
    """Tell whether the library takes the place of the host's; None where the toolkit's version or its note decides.

    Toolkit 1.20 asks the note in its cdi mode; earlier ones, and the legacy mode, compare the major versions.
    1.17.4 left it out in legacy mode, versions before always mounted it (CHANGELOG, cudacompat.go, compat_mode.c).
    """
    newer = compare(compat.version, driver)
    mine, hosts = major_of(compat.version), major_of(driver)
    if newer is None or mine is None or hosts is None:
        return None
    by_major = mine > hosts
    if mode == "legacy":
        return _is_used_in_legacy(toolkit, by_major=by_major)
    if toolkit is not None and toolkit < (1, 20, 0):
        return by_major
    if compat.unread:
        return None
    by_note = by_major if compat.note is None else hosts in compat.note.driver and newer > 0
    return by_note if toolkit is not None or by_note == by_major else None


def _is_used_in_legacy(toolkit: Toolkit | None, *, by_major: bool) -> bool:
    if toolkit is not None and toolkit <= (1, 17, 4):
        return toolkit < (1, 17, 4)
    return by_major
