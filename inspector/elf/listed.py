r"""The architectures that torch was built for, as they stand in libtorch_python.so: the text of `get_arch_list()`.

It stands among other texts, without a NUL before it in some releases: `ipc_h` + `sm_70 sm_75 sm_80\0`.
"""

from __future__ import annotations

import contextlib
import re

import msgspec

from inspector.elf.dynamic import Damaged
from inspector.elf.sections import Section, find_sections
from inspector.elf.source import Source

MAX_SEARCHED = 256 << 20
"""Bytes of one file that are searched; libtorch_python.so has 35 MB."""
MAX_LIST = 1024
"""Bytes of one list; those of torch have up to 60."""
MAX_WORDS = 10_000
"""Places of one file that look like the beginning of a list; libtorch_python.so has one."""

_BLOCK = 1 << 20
_NVIDIA = re.compile(rb"sm_\d{2,3}[af]?(?: (?:sm|compute)_\d{2,3}[af]?){0,63}")
_AMD = re.compile(rb"gfx[0-9a-f]{3,5}[a-z:+-]{0,20}(?: gfx[0-9a-f]{3,5}[a-z:+-]{0,20}){0,63}")
"""Each begins with letters that the search jumps to, and takes whole lists, so that no byte is looked at again."""


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """The architectures in their order, none where there is no list. `cut` says why not all was searched."""

    architectures: tuple[str, ...] = ()
    cut: str = ""


def holds_list(path: str) -> bool:
    """Tell by a file's name whether it is the library that torch's list stands in."""
    return path[path.rfind("/") + 1 :] == "libtorch_python.so"


class ListSearch:
    """Looks for the longest list in the pieces of a file that go by."""

    def __init__(self) -> None:
        self._longest = b""
        self._rest = b""
        self._left = MAX_SEARCHED
        self._words = 0
        self._cut = ""

    def feed(self, piece: bytes) -> None:
        """Search the next bytes."""
        if self._cut or not piece:
            return
        self._left -= len(piece)
        if self._left < 0:
            self._cut = f"more than {MAX_SEARCHED} bytes to search"
            return
        data = self._rest + piece
        self._search(data, 1 if self._rest else 0)  # what began before is no whole list, or was found
        self._rest = data[-MAX_LIST:]

    def _search(self, data: bytes, begin: int) -> None:
        for pattern in (_NVIDIA, _AMD):
            for found in pattern.finditer(data, begin):
                self._words += 1
                start, end = found.span()
                is_whole = data[end : end + 1] == b"\0" and data[start - 1 : start] != b" "
                if is_whole and len(self._longest) < end - start < MAX_LIST:
                    self._longest = found[0]
        if self._words > MAX_WORDS:
            self._cut = f"more than {MAX_WORDS} words that look like architectures"

    @property
    def result(self) -> Listed:
        """Return what was found."""
        return Listed(() if self._cut else tuple(self._longest.decode("ascii").split()), self._cut)


def read_listed(source: Source) -> Listed:
    """Search the read-only data of a file, or all of it where that is not known. Raises `Absent`."""
    part = Section(0, source.size)
    with contextlib.suppress(Damaged):  # the table of sections serves no loader, and may be stripped
        part = find_sections(source, (".rodata",)).get(".rodata", part)
    search = ListSearch()
    end = part.offset + min(part.size, MAX_SEARCHED + 1)
    for at in range(part.offset, end, _BLOCK):
        search.feed(source.read_at(at, min(_BLOCK, end - at)))
    return search.result
