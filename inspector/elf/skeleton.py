"""The skeleton of an ELF file, from whatever source has its bytes."""

from __future__ import annotations

from collections.abc import Iterator

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
    DT_VERDEF,
    DT_VERNEED,
    MAX_NAME,
    Damaged,
    Dynamic,
    Strings,
    read_definitions,
    read_dynamic,
    read_needs,
    text_of,
)
from inspector.elf.layout import PT_DYNAMIC, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS, Layout, Segment, read_layout
from inspector.elf.model import NotElf, Skeleton, VersionNeed
from inspector.elf.source import Absent, Source

PASSED = "parts of it had gone by before it was known that they matter"
"""Why a skeleton or symbols are partial where bytes were read once, forward."""
_EXECUTABLE = 1
_MOST = (1 << 63) - 1  # no file is larger, and what keeps skeletons takes no larger numbers
_DF_SYMBOLIC, _DF_BIND_NOW, _DF_1_NOW = 2, 8, 1


def read_skeleton(
    source: Source, layout: Layout | NotElf | None = None, dynamic: Dynamic | None = None
) -> Skeleton | NotElf:
    """Read what a loader decides by; what can't be had is left out, and `partial` says why.

    What was read before need not be read again.
    """
    try:
        layout = layout or read_layout(source)
    except Absent:
        return NotElf("cannot read file data")
    return layout if isinstance(layout, NotElf) else _Reading(source, layout).skeleton(dynamic)


class _Reading:
    """One file that is read; `why` collects what could not be."""

    def __init__(self, source: Source, layout: Layout) -> None:
        self._source = source
        self._layout = layout
        self._why: dict[str, None] = dict.fromkeys([layout.cut] if layout.cut else [])

    def skeleton(self, dynamic: Dynamic | None) -> Skeleton:
        source, layout = self._source, self._layout
        try:
            dynamic = dynamic or read_dynamic(source, layout)
        except Absent:
            dynamic = Dynamic({}, (), PASSED)
        if dynamic.cut:
            self._why[dynamic.cut] = None
        strings = Strings(source, layout, dynamic)
        tags = dynamic.tags
        flags, flags_1 = tags.get(DT_FLAGS, 0), tags.get(DT_FLAGS_1, 0)
        stack, thread = layout.find(PT_GNU_STACK), layout.find(PT_TLS)
        loads = [segment.offset + segment.size for segment in layout.segments if segment.kind == PT_LOAD]
        needs, defined = self._needs(dynamic, strings), self._defined(dynamic, strings)
        interpreter = self._interpreter(layout.find(PT_INTERP))
        needed, filters = (self._texts(dynamic, strings, *kinds) for kinds in ((DT_NEEDED,), (DT_FILTER, DT_AUXILIARY)))
        soname, rpath, runpath = (self._text(dynamic, strings, tag) for tag in (DT_SONAME, DT_RPATH, DT_RUNPATH))
        return Skeleton(
            bits=layout.bits,
            order=layout.order,
            osabi=layout.osabi,
            kind=layout.kind,
            machine=layout.machine,
            size=source.size,
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
            needs=needs,
            defined=defined,
            partial="; ".join(self._why),
        )

    def _interpreter(self, segment: Segment | None) -> str | None:
        if segment is None:
            return None
        try:
            name, end, _ = self._source.read_at(segment.offset, min(segment.size, MAX_NAME)).partition(b"\0")
            if end:
                return text_of(name)
            self._why["its PT_INTERP is no path"] = None
        except (Damaged, Absent) as error:
            self._why[str(error) or PASSED] = None
        return None

    def _text(self, dynamic: Dynamic, strings: Strings, tag: int) -> str | None:
        value = dynamic.tags.get(tag)
        return None if value is None else next(self._given(strings, [value]), "")

    def _texts(self, dynamic: Dynamic, strings: Strings, *tags: int) -> tuple[str, ...]:
        return tuple(self._given(strings, dynamic.all(*tags)))

    def _given(self, strings: Strings, places: list[int]) -> Iterator[str]:
        for place in places:
            try:
                yield strings.text(place)
            except (Damaged, Absent) as error:
                self._why[str(error) or PASSED] = None

    def _needs(self, dynamic: Dynamic, strings: Strings) -> tuple[VersionNeed, ...]:
        found: list[VersionNeed] = []
        if DT_VERNEED in dynamic.tags:
            try:
                for file, versions in read_needs(self._source, self._layout, dynamic, strings):
                    found.append(VersionNeed(file, tuple((name, weak) for name, weak, _ in versions)))
            except (Damaged, Absent) as error:
                self._why[str(error) or PASSED] = None
        return tuple(found)

    def _defined(self, dynamic: Dynamic, strings: Strings) -> tuple[str, ...] | None:
        if DT_VERDEF not in dynamic.tags:
            return None
        try:
            return tuple(read_definitions(self._source, self._layout, dynamic, strings).values())
        except (Damaged, Absent) as error:
            self._why[str(error) or PASSED] = None
            return ()
