"""An ELF file whose headers were read, and what both its skeleton and its symbols are made of: each is read once."""

from __future__ import annotations

from inspector.elf.dynamic import (
    DT_VERDEF,
    DT_VERNEED,
    Damaged,
    Dynamic,
    Needed,
    Strings,
    read_definitions,
    read_dynamic,
    read_needs,
)
from inspector.elf.layout import Layout, read_layout
from inspector.elf.model import NotElf
from inspector.elf.source import Absent, Source

PASSED = "parts of it had gone by before it was known that they matter"
"""Why a skeleton or symbols are partial where bytes were read once, forward."""

Error = Damaged | Absent | None
"""Why something could not be read to its end."""


class Opened:
    """The file; without a dynamic section that could be had, with one that has no tags."""

    def __init__(self, source: Source, layout: Layout, dynamic: Dynamic | None) -> None:
        self.source = source
        self.layout = layout
        self.dynamic = dynamic or Dynamic({}, (), PASSED)
        self.strings = Strings(source, layout, self.dynamic)
        self._needs: tuple[list[Needed], Error] | None = None
        self._defined: tuple[dict[int, str] | None, Error] | None = None

    @property
    def needs(self) -> tuple[list[Needed], Error]:
        """The versions that it needs, as far as they could be read."""
        if self._needs is None:  # no cached property, which takes a lock up to Python 3.11
            self._needs = self._read_needs()
        return self._needs

    @property
    def defined(self) -> tuple[dict[int, str] | None, Error]:
        """The versions that it defines, its base first, by their numbers; None where it has no version section."""
        if self._defined is None:
            self._defined = self._read_defined()
        return self._defined

    def _read_needs(self) -> tuple[list[Needed], Error]:
        found: list[Needed] = []
        try:
            if DT_VERNEED in self.dynamic.tags:
                found.extend(read_needs(self.source, self.layout, self.dynamic, self.strings))  # up to an error
        except (Damaged, Absent) as error:
            return found, error
        return found, None

    def _read_defined(self) -> tuple[dict[int, str] | None, Error]:
        try:
            if DT_VERDEF in self.dynamic.tags:
                return read_definitions(self.source, self.layout, self.dynamic, self.strings), None
        except (Damaged, Absent) as error:
            return {}, error
        return None, None


def open_elf(source: Source) -> Opened | NotElf:
    """Read the headers of a file."""
    try:
        layout = read_layout(source)
    except Absent:
        return NotElf("cannot read file data")
    if isinstance(layout, NotElf):
        return layout
    try:
        return Opened(source, layout, read_dynamic(source, layout))
    except Absent:
        return Opened(source, layout, None)
