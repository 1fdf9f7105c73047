"""The entries of a layer from its tar, with what is kept of its files, whatever the first name of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from inspector.errors import LimitExceeded
from inspector.layers.entries import Entries
from inspector.layers.links import asked_by_links, may_be_stored
from inspector.layers.memory import Share
from inspector.layers.objects import Gathering, Objects
from inspector.layers.pax import Budget
from inspector.layers.readers import FileReader, Reader, StreamReader
from inspector.layers.retention import MAX_KEPT, kept
from inspector.layers.runs import Runs
from inspector.layers.sums import Summing, is_summed
from inspector.layers.taking import SeekTaker, StreamTaker, Taken, exactly
from inspector.layers.tar import Member, iter_members
from inspector.rootfs import Kind

MAX_FILE = 1 << 44
"""Bytes of one file as unpacked, which a sparse one may claim at will; no larger one fits on ext4."""
MAX_HELD = 12 << 20
"""Bytes of small files that are held until the end of a layer that goes by once, in case a further name asks."""
MAX_SMALL = 256 << 10
"""Bytes of one such file."""
MAX_STORED = 4 << 20
"""Bytes of one that is named by its content, where there is room for it beside the others."""


class Taker(Protocol):
    """Takes what is kept of a file."""

    all_seen: bool

    def take(self, member: Member, left: int) -> Taken:
        """Take a file whose data come next."""


class TarReading:
    """One layer that is read. `may_repeat` says that its bytes can be had again, so that none are held in case."""

    def __init__(self, taker: Taker, taken: Share | None = None, *, may_repeat: bool = True) -> None:
        self.entries = Entries(room=taken)
        self._taker = taker
        self._share = taken
        self._gathering = Gathering(all_seen=taker.all_seen)
        self._summing = Summing(self.objects.sums, taken)
        self._left = MAX_KEPT
        self._may_repeat = may_repeat
        self._held: dict[int, bytes] = {}
        self._held_left = MAX_HELD

    @property
    def objects(self) -> Objects:
        """The ELF files."""
        return self._gathering.objects

    @property
    def warnings(self) -> list[str]:
        """What is to be told of the layer."""
        return too_much_kept(self._left)

    def read(self, reader: FileReader | StreamReader, *, needs_end: bool = False) -> None:
        """Read all entries. Raises what `iter_members` raises."""
        entries, add = self.entries, self.entries.add
        run = self._runs(reader) if self._may_repeat else lambda *_: 0  # else each file may have to be held
        for member in iter_members(reader, needs_end=needs_end, run=run):
            if member.size > MAX_FILE:
                raise LimitExceeded(
                    f"{member.path[:200]!a} is said to have {member.size} bytes; no file system takes that"
                )
            data = b""
            if member.kind is Kind.FILE and member.size == member.stored > 0:  # of a sparse one, only pieces are stored
                data = self._take(reader, member, len(entries))
            owner = (member.uid, member.gid, member.attributes, member.device)
            add(member.path, member.kind, member.mode, member.size, member.link, data, owner)

    def _runs(self, reader: FileReader | StreamReader) -> Callable[[int, Budget], int]:
        """Return what takes runs of members."""
        entries = self.entries

        def found(position: int, offset: int) -> None:
            path, mode, size = entries.path(position), entries.modes[position], entries.sizes[position]
            member = Member(path, Kind.FILE, mode, size, "", offset, size)
            if data := self._take(reader, member, position):
                entries.keep(position, data)

        located = self._locate_all if isinstance(reader, FileReader) else None
        return partial(Runs(entries, located).take, reader, found)

    def _take(self, reader: Reader, member: Member, position: int) -> bytes:
        taken = self._taker.take(member, self._left)
        self._left -= len(taken.data)
        if taken.skeleton is not None:
            self._gather(position, member, taken)
        elif taken.located:
            self._locate(position, member.offset)
        begun = self._sum(reader, member, position, taken)
        if taken.skeleton is None and not taken.located and not self._may_repeat and len(taken.data) < member.size:
            self._hold(reader, member, position, begun)
        return taken.data

    def _sum(self, reader: Reader, member: Member, position: int, taken: Taken) -> bytes:
        """Take the sum of a source that goes by; return the bytes of it that are read, unless it is an ELF file."""
        is_object = taken.skeleton is not None or taken.located
        if is_object or not is_summed(member.path) or not self._summing.fits(member.size):
            return taken.begun
        content = taken.data
        if len(content) < member.size:
            content = taken.begun + exactly(reader, member.size - len(taken.begun))
        self._summing.add(position, content)
        return content

    def _gather(self, position: int, member: Member, taken: Taken) -> None:
        assert taken.skeleton is not None
        size = self._gathering.add(position, taken.skeleton, member.offset)
        if taken.symbols is not None:
            size += self._gathering.add_symbols(position, taken.symbols)
        if taken.loader is not None:
            self.objects.loaders[position] = taken.loader
        if taken.listed is not None:
            size += self._gathering.add_listed(position, taken.listed)
        if self._share is not None:
            self._share.take(size)

    def _locate(self, position: int, offset: int) -> None:
        size = self._gathering.locate(position, offset)
        if self._share is not None:
            self._share.take(size)

    def _locate_all(self, places: Mapping[int, int]) -> None:
        size = self._gathering.locate_all(places)
        if self._share is not None:
            self._share.take(size)

    def _hold(self, reader: Reader, member: Member, position: int, begun: bytes) -> None:
        """Hold a small file, of which those bytes `begun` are read; those named by their content rather than others."""
        stored = may_be_stored(member.path)
        if member.size > (MAX_STORED if stored and member.size <= self._held_left else MAX_SMALL):
            return
        if self._held_left < member.size and not stored:
            return
        while self._held_left < member.size and self._held:
            self._held_left += len(self._held.pop(next(iter(self._held))))
        if self._held_left < member.size:
            return
        self._held[position] = begun + exactly(reader, member.size - len(begun))
        self._held_left -= member.size

    def missed(self) -> dict[int, str]:
        """Return the files of which a further name asks for more than is kept, by position, where it is not held."""
        asked = asked_by_links(self.entries, self.objects, later=isinstance(self._taker, SeekTaker))
        for position in asked.keys() & self._held.keys():
            content, path = self._held[position], asked.pop(position)
            if is_summed(path) and self._summing.fits(len(content)):
                self._summing.add(position, content)
            self._keep(
                position, kept(path, self.entries.modes[position], len(content), self._left, _beginning(content))
            )
        self._held.clear()
        return asked

    def repeat(self, reader: StreamReader | FileReader, missed: Mapping[int, str]) -> None:
        """Read once more, for what further names ask for. Raises what `iter_members` raises."""
        taker = StreamTaker(reader) if isinstance(reader, StreamReader) else SeekTaker(reader)
        for position, member in enumerate(iter_members(reader)):
            path = missed.get(position)
            if path is None or member.kind is not Kind.FILE or member.size != member.stored:
                continue
            named = msgspec.structs.replace(member, path=path)
            taken = taker.take(named, self._left)
            if taken.skeleton is not None:
                self._gather(position, named, taken)
            self._sum(reader, named, position, taken)
            self._keep(position, taken.data)

    def _keep(self, position: int, data: bytes) -> None:
        if len(data) > len(self.entries.data.get(position, b"")):
            self.entries.keep(position, data)
            self._left -= len(data)


def _beginning(content: bytes) -> Callable[[int], bytes]:
    return lambda count: content[:count]


def too_much_kept(left: int) -> list[str]:
    """Return the warning that not all bytes were kept, where none are `left`."""
    return [f"a layer holds more than {MAX_KEPT} bytes of metadata; some were not read"] if left <= 0 else []
