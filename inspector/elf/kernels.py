"""The kernels in a library of another package than torch: all containers are looked at, by seeking or as they go by.

Such a library may hold kernels that only some GPUs are for, beside those for all; so the list that most containers
have is kept apart from what others have besides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from inspector.elf import fatbin
from inspector.elf.fatbin import Architectures

LIBRARIES = {
    "torchvision": r"torchvision/_C[^/]*\.so",
    "torchaudio": r"torchaudio/(?:lib/)?[^/]+\.so",
    "xformers": r"xformers/(?:[^/]+/)?_C[^/]*\.so",
    "bitsandbytes": r"bitsandbytes/libbitsandbytes_cuda\d+\.so",
    "flash-attn": r"flash_attn[^/]*_cuda[^/]*\.so",
    "flash-attn-3": r"flash_attn_3/_C[^/]*\.so",
    "vllm": r"vllm/(?:[^/]+/)?[^/]+\.so",
}
"""Where packages keep their kernels, by the path below site-packages."""
MAX_TRIES = 16
"""Places that begin like a container and hold something else, or another chain."""

_ANY = re.compile(rf"-packages/(?:{'|'.join(LIBRARIES.values())})\Z", re.ASCII)
_AHEAD = 48
"""Bytes that are looked at in one place, at most: the beginning of an entry."""


def holds_kernels(path: str) -> bool:
    """Tell by its path whether a library may hold kernels that are looked for."""
    return path.endswith(".so") and _ANY.search(path) is not None


def most_and_others(lists: Mapping[Architectures, int]) -> tuple[Architectures, Architectures]:
    """Return the list that most containers have, and what others have besides."""
    most = max(filter(None, lists), key=lambda each: (lists[each], len(each), each), default=())
    return _ordered(most), _ordered(set().union(*lists) - set(most))


def common(chains: Iterable[Mapping[Architectures, int]]) -> tuple[Architectures, Architectures]:
    """Return the list that most containers of every chain have, and what others have besides.

    A library that was linked from relocatable code has two chains, of which only one is used: `__nv_relfatbin` holds
    what was linked, `.nv_fatbin` the outcome.
    """
    found = [most_and_others(chain) for chain in chains if any(chain)]
    if not found:
        return (), ()
    shared = set(found[0][0]).intersection(*(most for most, _ in found))
    every = set().union(*(most for most, _ in found), *(others for _, others in found))
    return _ordered(shared), _ordered(every - shared)


def _ordered(architectures: Architectures | set[str]) -> Architectures:
    """Sort architectures by number, machine code before PTX."""
    return tuple(sorted(architectures, key=lambda each: (each.startswith("compute"), len(each.rstrip("af")), each)))


class KernelSearch:
    """Follows the chains of containers in the pieces of a file that go by; nothing of the kernels is held."""

    def __init__(self) -> None:
        self._rest = b""
        self._at = 0  # of the first byte of the rest
        self._next = 0  # what is looked at next
        self._end = 0  # of the container that is gone through; 0 between two
        self._begun = False
        self._done = False
        self._tries = 0
        self._zeros = 0
        self._entries: list[str] = []
        self.chains: list[Counter[Architectures]] = [Counter()]
        self.cut = ""

    def feed(self, piece: bytes) -> None:
        """Go through the next bytes."""
        data = self._rest + piece
        while not self._done and self._step(data):
            pass
        skipped = len(data) if self._done else min(max(self._next - self._at, 0), len(data))
        self._at, self._rest = self._at + skipped, data[skipped:]

    def _step(self, data: bytes) -> bool:
        """Look at the next place, if its bytes are there."""
        here = self._next - self._at
        if not self._begun:
            return self._search(data, here)
        if len(data) - here < (_AHEAD if self._end else fatbin.HEADER):
            return False
        if self._end:
            self._entry(data[here : here + _AHEAD])
        elif data[here : here + 8] == bytes(8):
            self._pad(data, here)
        else:
            self._container(data[here : here + _AHEAD])
        return True

    def _search(self, data: bytes, here: int) -> bool:
        found = data.find(fatbin.BEGIN, here)
        if found < 0:
            self._next = self._at + max(len(data) - len(fatbin.BEGIN) + 1, here)
            return False
        self._next = self._at + found + (1 if (self._at + found) % 8 else 0)
        self._begun = (self._at + found) % 8 == 0
        return True

    def _pad(self, data: bytes, here: int) -> None:
        piece = data[here : here + fatbin.MAX_PADDING]
        zeros = max((len(piece) - len(piece.lstrip(b"\0"))) // 8 * 8, 8)
        self._zeros += zeros
        self._next += zeros
        if self._zeros > fatbin.MAX_PADDING:
            self._again()

    def _container(self, header: bytes) -> None:
        size = fatbin.size_of(header) if header.startswith(fatbin.BEGIN) else None
        if size is None:
            self._again()  # the chain ends with its section
        elif sum(map(Counter.total, self.chains)) == fatbin.MAX_CONTAINERS:
            self._done, self.cut = True, f"more than {fatbin.MAX_CONTAINERS} containers"
        else:
            self._end, self._zeros, self._entries = self._next + size, 0, []
            self._next += fatbin.HEADER
            self._close()

    def _entry(self, header: bytes) -> None:
        found = fatbin.entry_of(header, self._end - self._next)
        if found is None or len(self._entries) == fatbin.MAX_ENTRIES:
            self._damaged()
            return
        self._entries.append(found[0])
        self._next += found[1]
        self._close()

    def _close(self) -> None:
        if self._next == self._end:
            if self._entries:
                self.chains[-1][tuple(sorted(dict.fromkeys(self._entries)))] += 1
            self._end = 0
            self._next += -self._next % 8

    def _damaged(self) -> None:
        """Give up within a chain; before it, what looked like a container was none."""
        if self.chains[-1]:
            self._done, self.cut = True, "a container of its kernels is damaged"
        else:
            self._again()

    def _again(self) -> None:
        """Look for another chain."""
        self._tries += 1
        self._begun, self._end, self._zeros = False, 0, 0
        if self.chains[-1]:
            self.chains.append(Counter())
        if self._tries > MAX_TRIES:
            self._done, self.cut = True, "its kernels are damaged, or in too many places"
