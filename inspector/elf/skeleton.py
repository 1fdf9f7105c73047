"""The skeleton of an ELF file, from whatever source has its bytes."""

from __future__ import annotations

from inspector.elf.dynamic import (
    DT_AUXILIARY,
    DT_BIND_NOW,
    DT_FILTER,
    DT_FLAGS,
    DT_FLAGS_1,
    DT_NEEDED,
    DT_RELR,
    DT_RPATH,
    DT_RUNPATH,
    DT_SONAME,
    DT_SYMBOLIC,
    MAX_NAME,
    Damaged,
    text_of,
)
from inspector.elf.layout import PT_DYNAMIC, PT_GNU_PROPERTY, PT_GNU_STACK, PT_INTERP, PT_TLS, Segment
from inspector.elf.model import NotElf, Skeleton, VersionNeed
from inspector.elf.opened import PASSED, Error, Opened, open_elf
from inspector.elf.property import MAX_PROPERTIES, needed_level
from inspector.elf.source import Absent, Source

_EXECUTABLE = 1
_PAGE = 4096
_MOST = (1 << 63) - 1  # no file is larger, and what keeps skeletons takes no larger numbers
_DF_SYMBOLIC, _DF_BIND_NOW, _DF_1_NOW = 2, 8, 1


def read_skeleton(source: Source) -> Skeleton | NotElf:
    """Read what a loader decides by; what can't be had is left out, and `partial` says why."""
    opened = open_elf(source)
    return opened if isinstance(opened, NotElf) else skeleton_of(opened)


def skeleton_of(opened: Opened) -> Skeleton:
    """Return the skeleton of a file whose headers were read; see `read_skeleton`."""
    return _Reading(opened).skeleton()


class _Reading:
    """One file that is read; `why` collects what could not be."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        why = (opened.layout.cut, opened.dynamic.cut)
        self._why: dict[str, None] = dict.fromkeys(filter(None, why))

    def skeleton(self) -> Skeleton:
        layout, dynamic = self._opened.layout, self._opened.dynamic
        tags = dynamic.tags
        flags, flags_1 = tags.get(DT_FLAGS, 0), tags.get(DT_FLAGS_1, 0)
        stack, thread = layout.find(PT_GNU_STACK), layout.find(PT_TLS)
        loads = [segment.offset + segment.size for segment in layout.loads]
        needs, defined = self._needs(), self._defined()
        interpreter, level = self._interpreter(layout.find(PT_INTERP)), self._level(layout.find(PT_GNU_PROPERTY))
        needed, filters, auxiliary = (self._texts(dynamic.all(tag)) for tag in (DT_NEEDED, DT_FILTER, DT_AUXILIARY))
        soname, rpath, runpath = (self._text(tags.get(tag)) for tag in (DT_SONAME, DT_RPATH, DT_RUNPATH))
        return Skeleton(
            bits=layout.bits,
            order=layout.order,
            osabi=layout.osabi,
            kind=layout.kind,
            machine=layout.machine,
            size=self._opened.source.size,
            loaded=min(max(loads, default=0), _MOST),
            interpreter=interpreter,
            dynamic=layout.find(PT_DYNAMIC) is not None,
            soname=soname,
            needed=needed,
            rpath=rpath,
            runpath=runpath,
            flags=flags,
            flags_1=flags_1,
            bind_now=DT_BIND_NOW in tags or bool(flags & _DF_BIND_NOW or flags_1 & _DF_1_NOW),
            symbolic=DT_SYMBOLIC in tags or bool(flags & _DF_SYMBOLIC),
            relr=DT_RELR in tags,
            executable_stack=None if stack is None else bool(stack.flags & _EXECUTABLE),
            tls=0 if thread is None else thread.memory,
            filters=filters,
            auxiliary=auxiliary,
            needs=needs,
            defined=defined,
            partial="; ".join(self._why),
            refused=layout.refused,
            aligned=not any((segment.address - segment.offset) % _PAGE for segment in layout.loads),
            level=level,
        )

    def _level(self, segment: Segment | None) -> int:
        if segment is None:
            return 1
        try:
            content = self._opened.source.read_at(segment.offset, min(segment.size, MAX_PROPERTIES))
        except Absent as error:
            self._note(error)
            return 1
        return needed_level(content, self._opened.layout)

    def _interpreter(self, segment: Segment | None) -> str | None:
        if segment is None:
            return None
        try:
            name, end, _ = self._opened.source.read_at(segment.offset, min(segment.size, MAX_NAME)).partition(b"\0")
            if end:
                return text_of(name)
            self._why["its PT_INTERP is no path"] = None
        except (Damaged, Absent) as error:
            self._note(error)
        return None

    def _text(self, place: int | None) -> str | None:
        if place is None:
            return None
        texts = self._texts([place])
        return texts[0] if texts else ""

    def _texts(self, places: list[int]) -> tuple[str, ...]:
        found: list[str] = []
        for place in places:
            try:
                found.append(self._opened.strings.text(place))
            except (Damaged, Absent) as error:
                self._note(error)
        return tuple(found)

    def _needs(self) -> tuple[VersionNeed, ...]:
        needs, error = self._opened.needs
        self._note(error)
        return tuple([need for need, _ in needs])

    def _defined(self) -> tuple[str, ...] | None:
        defined, error = self._opened.defined
        self._note(error)
        return None if defined is None else tuple(defined.values())

    def _note(self, error: Error) -> None:
        if error is not None:
            self._why[str(error) or PASSED] = None
