"""A symbol table by columns, and which of its symbols others may bind to, by few steps for all of them."""

from __future__ import annotations

from array import array
from itertools import compress

from inspector.elf.layout import Layout
from inspector.elf.words import words_of

_ABSOLUTE, _TLS = 0xFFF1, 6
_TYPES, _BINDINGS, _SHOWN = (0, 1, 2, 5, _TLS, 10), (1, 2, 10), (0, 3)
_DEFINING = {binding << 4 | kind for binding in _BINDINGS for kind in _TYPES}
_STRONG = {binding << 4 | kind for binding in (1, 10) for kind in range(16)}
_DEFINES, _IS_STRONG = (bytes(info in among for info in range(256)) for among in (_DEFINING, _STRONG))
_IS_VISIBLE = bytes(other & 3 in _SHOWN for other in range(256))
_VISIBLE = bytes(other for other in range(256) if other & 3 in _SHOWN)


def symbol_size(layout: Layout) -> int:
    """Return the bytes of one symbol."""
    return 24 if layout.bits == 64 else 16


class Columns:
    """The symbols in `data`, their fields by ranges of their numbers."""

    def __init__(self, data: bytes, layout: Layout) -> None:
        self._data = data
        self._order = layout.order
        self._size = symbol_size(layout)
        self._info, self._section, self._value = (4, 6, 8) if layout.bits == 64 else (12, 14, 4)
        self._width = layout.bits // 8
        self.count = len(data) // self._size

    def names(self, first: int, last: int) -> array[int]:
        """Return where in the table of strings their names begin."""
        words = words_of(self._data[first * self._size : last * self._size], self._order)
        return words[:: self._size // 4]

    def may_be_global(self, number: int) -> bool:
        """Tell whether a symbol has a binding that others can bind to."""
        return self._data[number * self._size + self._info] >> 4 in _BINDINGS

    def undefined(self, first: int) -> list[int]:
        """Return the symbols that are defined elsewhere, but for weak ones, in their order.

        Those from `first` on are defined, or nearly all; those before are not, or nearly all.
        """
        infos, others = (self._plane(self._info + place, 0, self.count) for place in (0, 1))
        found = list(compress(range(first), infos[:first].translate(_IS_STRONG)))
        if self._plane(self._section, 0, first).strip(b"\0") or self._plane(self._section + 1, 0, first).strip(b"\0"):
            inner = set(self._zeros(0, first, self._section, 2, 0))
            found = [number for number in found if number in inner]
        zeros = self._zeros(first, self.count, self._section, 2, 0)
        found += [number for number in zeros if _IS_STRONG[infos[number]]]
        if others.translate(None, _VISIBLE):
            found = [number for number in found if _IS_VISIBLE[others[number]]]
        return found

    def defining(self, first: int, last: int) -> bytes | None:
        """Tell which symbols of a range are definitions that others may bind to: a byte of 1 for each that is.

        None stands for all of them.
        """
        infos = self._plane(self._info, first, last)
        found = bytearray(infos.translate(_DEFINES))
        others = self._plane(self._info + 1, first, last)
        if others.translate(None, _VISIBLE):
            found[:] = map(min, found, others.translate(_IS_VISIBLE))
        for number in self._zeros(first, last, self._section, 2, 0):
            found[number - first] = 0
        for number in self._zeros(first, last, self._value, self._width, 1):
            if infos[number - first] & 15 != _TLS and self._section_of(number) != _ABSOLUTE:
                found[number - first] = 0
        return bytes(found) if 0 in found else None

    def _plane(self, place: int, first: int, last: int) -> bytes:
        """Return the byte at a place of each symbol."""
        return self._data[first * self._size + place : last * self._size : self._size]

    def _zeros(self, first: int, last: int, place: int, width: int, byte: int) -> list[int]:
        """Return the symbols of which a field is 0; `byte` is the one of it, the lowest first, that seldom is."""
        plane = self._plane(place + (byte if self._order == "<" else width - 1 - byte), first, last)
        found: list[int] = []
        zero = bytes(width)
        at = plane.find(b"\0")
        while at >= 0:
            start = (first + at) * self._size + place
            if self._data[start : start + width] == zero:
                found.append(first + at)
            at = plane.find(b"\0", at + 1)
        return found

    def _section_of(self, number: int) -> int:
        start = number * self._size + self._section
        return words_of(self._data[start : start + 2], self._order, "H")[0]
