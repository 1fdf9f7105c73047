r"""The architectures that torch was built for: as text in libtorch_python.so, and by the kernels in its libraries.

The text is that of `get_arch_list()`. It stands among others, without a NUL before it in some releases: `ipc_h` +
`sm_70 sm_75 sm_80\0`. Of kernels, the first container tells: it holds those of one of torch's own files.
"""

from __future__ import annotations

import contextlib
import re

import msgspec

from inspector.elf import fatbin
from inspector.elf.dynamic import Damaged
from inspector.elf.kernels import KernelSearch, common, holds_kernels
from inspector.elf.sections import Section, find_sections
from inspector.elf.source import Source

MAX_SEARCHED = 256 << 20
"""Bytes of one file that are searched; libtorch_python.so has 35 MB."""
MAX_LIST = 1024
"""Bytes of one list; those of torch have up to 60."""
MAX_WORDS = 10_000
"""Places of one file that look like the beginning of a list; libtorch_python.so has one."""

WITH_TEXT = "libtorch_python.so"
WITH_KERNELS = ("libtorch_cuda.so", "libtorch_cuda_cu.so", "libtorch_cuda_linalg.so")
"""The second is what 1.10 to 1.13 had besides, the last holds MAGMA."""

MAX_CONTAINER = 4 << 20
"""Bytes of a container of kernels that are held as it goes by."""
MAX_TRIES = 16
"""Places that begin like a container and hold something else."""

_BLOCK = 1 << 20
_NVIDIA = re.compile(rb"sm_\d{2,3}[af]?(?: (?:sm|compute)_\d{2,3}[af]?){0,63}")
_AMD = re.compile(rb"gfx[0-9a-f]{3,5}[a-z:+-]{0,20}(?: gfx[0-9a-f]{3,5}[a-z:+-]{0,20}){0,63}")
"""Each begins with letters that the search jumps to, and takes whole lists, so that no byte is looked at again."""


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """The architectures in their order, none where there is no list. `cut` says why not all was searched.

    Of another package than torch, they are those of most containers of kernels, and `others` what some have besides.
    """

    architectures: tuple[str, ...] = ()
    cut: str = ""
    others: tuple[str, ...] = ()


def holds_list(path: str) -> bool:
    """Tell by a file's path whether it is a library that states its architectures."""
    name = path[path.rfind("/") + 1 :]
    return name == WITH_TEXT or name in WITH_KERNELS or holds_kernels(path)


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
        self._search(data, 1 if len(self._rest) == MAX_LIST else 0)  # what began before is no whole list, or was found
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


class FirstKernels:
    """Looks for the first container of kernels in the pieces of a file that go by."""

    def __init__(self) -> None:
        self._rest = b""
        self._at = 0
        self._tries = 0
        self._found: tuple[str, ...] | None = None

    def feed(self, piece: bytes) -> None:
        """Search the next bytes."""
        if self._found is None and self._tries <= MAX_TRIES:
            data = self._rest + piece
            taken = self._search(data)
            self._at += taken
            self._rest = data[taken:]

    def _search(self, data: bytes) -> int:
        """Return how many bytes need not be seen again."""
        at = data.find(fatbin.BEGIN)
        while at >= 0:
            self._tries += 1
            if (self._at + at) % 8 == 0 and self._tries <= MAX_TRIES:
                size = fatbin.size_of(data[at : at + 16])
                if size is None or (size <= MAX_CONTAINER and at + size > len(data)):
                    self._tries -= 1
                    return at
                with contextlib.suppress(Damaged):
                    self._found = fatbin.read_container(data[at : at + min(size, MAX_CONTAINER)]) or None
                if self._found:
                    return len(data)
            at = data.find(fatbin.BEGIN, at + 1)
        return max(len(data) - len(fatbin.BEGIN) + 1, 0)

    @property
    def result(self) -> Listed:
        """Return what was found."""
        if self._found is None and self._tries:
            return Listed(cut="its first container of kernels is damaged, or too large")
        return Listed(self._found or ())


class AllKernels(KernelSearch):
    """Looks for all containers of kernels in the pieces of a file that go by."""

    @property
    def result(self) -> Listed:
        """Return what was found."""
        most, others = common(self.chains)
        return Listed(cut=self.cut) if self.cut else Listed(most, others=others)


def search_for(path: str) -> ListSearch | FirstKernels | AllKernels:
    """Return what looks for the architectures that a library states, by its path."""
    if path.endswith(WITH_TEXT):
        return ListSearch()
    return AllKernels() if holds_kernels(path) else FirstKernels()


def read_listed(source: Source, path: str) -> Listed:
    """Read the architectures that a library states, by its path. Raises `Absent`."""
    if path.endswith(WITH_TEXT):
        return _read_text(source)
    try:
        return _read_all(source) if holds_kernels(path) else _read_first(source)
    except Damaged as error:
        return Listed(cut=str(error))


def _read_first(source: Source) -> Listed:
    found = fatbin.read_fatbins(source, 1)
    return Listed(found.first if found else ())


def _read_all(source: Source) -> Listed:
    chains = fatbin.read_chains(source)
    cut = "; ".join(each.cut for each in chains if each.cut)
    most, others = common(each.lists for each in chains)
    return Listed(cut=cut) if cut else Listed(most, others=others)


def _read_text(source: Source) -> Listed:
    """Search the read-only data of a file, or all of it where these are not known."""
    part = Section(0, source.size)
    with contextlib.suppress(Damaged):  # the table of sections serves no loader, and may be stripped
        part = find_sections(source, (".rodata",)).get(".rodata", part)
    search = ListSearch()
    end = part.offset + min(part.size, MAX_SEARCHED + 1)
    for at in range(part.offset, end, _BLOCK):
        search.feed(source.read_at(at, min(_BLOCK, end - at)))
    return search.result
