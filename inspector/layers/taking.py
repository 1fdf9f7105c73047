"""What is taken of one file of a layer while its tar is read: bytes to keep, and what its ELF file tells."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from functools import partial

import msgspec

from inspector import work
from inspector.elf import (
    MAGIC,
    MAX_LOADER,
    Content,
    Listed,
    LoaderFacts,
    NotElf,
    Passed,
    Skeleton,
    Source,
    Strings,
    Symbols,
    Window,
    holds_list,
    is_loader,
    read_both,
    read_forward,
    read_listed,
    read_loader,
    search_for,
)
from inspector.errors import CorruptLayer
from inspector.layers.readers import FileReader, Reader, StreamReader
from inspector.layers.retention import SCRIPT_HEAD, head_of, kept, may_be_program, wanted
from inspector.layers.sums import is_summed
from inspector.layers.tar import Member

SMALL = 2 << 20
"""Bytes of an ELF file up to which it is had whole from a stream."""
MAX_PASSING = 48 << 20
"""Bytes kept of large ELF files that go by at once, in all layers that are read side by side."""
MAX_WAIT = 60.0
"""Seconds that a reader waits for these; what it could not keep then is not known."""
_PYTHON = re.compile(rb"Py")
"""Begins the names of Python's functions, which any program that is one defines or needs; PyPy's has it in its path."""
NOT_ELF = NotElf("invalid ELF header")

_TICK = 0.2


class Taken(msgspec.Struct, frozen=True):
    """The bytes that are kept of a file, and what was read of an ELF file; None of what was not looked for.

    `begun` are the first bytes of a file that is no ELF file, where they were read from a stream and are not all of it.
    `located` says that the file may be an ELF file or a source, to be read where it lies when it is asked for.
    """

    data: bytes = b""
    skeleton: Skeleton | NotElf | None = None
    symbols: Symbols | None = None
    loader: LoaderFacts | None = None
    listed: Listed | None = None
    begun: bytes = b""
    located: bool = False


def may_be_object(path: str, mode: int) -> bool:
    """Tell whether a file is, by its name or rights, likely to be an ELF file: nearly all are found by that."""
    return bool(mode & 0o111) or ".so" in path[path.rfind("/") + 1 :]


class StreamTaker:
    """Takes files as they go by, each looked at whatever its name; without `objects`, no ELF file is read."""

    def __init__(self, reader: StreamReader, *, objects: bool = True) -> None:
        self.all_seen = objects
        self._reader = reader
        self._read = partial(exactly, reader)

    def take(self, member: Member, left: int) -> Taken:
        """Take a file whose data come next, of which `left` bytes may be kept. Raises `CorruptLayer`."""
        path, size = member.path, member.size
        whole = left >= size <= wanted(path)
        if self.all_seen and self._reader.peek(len(MAGIC)) == MAGIC:
            work.check()
            if whole:
                content = self._read(size)
                return of_source(Content(content), path, content)
            if size <= SMALL or (is_loader(path) and size <= MAX_LOADER):
                source = self._source(size)
                return of_source(source, path, _head(member, left, source.read_at(0, SCRIPT_HEAD)))
            passed, listed = self._passing(path, size)
            return Taken(_head(member, left, passed.head), passed.skeleton, passed.symbols, listed=listed)
        if whole:
            return Taken(self._read(size))
        if left >= SCRIPT_HEAD and may_be_program(path, member.mode):
            begun = self._read(min(SCRIPT_HEAD, size))
            return Taken(head_of(begun, path), begun=begun)
        return Taken()

    def _source(self, size: int) -> Source:
        """Take the bytes of a file, in pieces as they come: most of them are not looked at, so none are joined."""
        pieces = list(self._reader.pieces(size))
        if sum(map(len, pieces)) < size:
            raise _cut_at(self._reader.position)
        if len(pieces) == 1:
            return Content(pieces[0])
        window, at = Window(size), 0
        for piece in pieces:
            window.add(at, piece)
            at += len(piece)
        return window

    def _passing(self, path: str, size: int) -> tuple[Passed, Listed | None]:
        """Read a large ELF file as it goes by; all of it that is loaded where it states architectures."""
        wanted = partial(may_be_bound, path)
        if not holds_list(path):
            return read_forward(size, self._reader.pieces, self._skip, held, wanted), None
        search, end = search_for(path), self._reader.position + size

        def pieces(count: int) -> Iterator[bytes]:
            for piece in self._reader.pieces(count):
                search.feed(piece)
                yield piece

        def skip(count: int) -> None:
            if sum(map(len, pieces(count))) < count:
                self._skip(1)  # which says where the tar is cut

        passed = read_forward(size, pieces, skip, held, wanted)
        loaded = passed.skeleton.loaded if isinstance(passed.skeleton, Skeleton) else size
        skip(max(0, end - max(0, size - loaded) - self._reader.position))  # nothing looks behind what is loaded
        return passed, search.result

    def _skip(self, size: int) -> None:
        if not self._reader.skip(size):
            raise _cut_at(self._reader.position)


class SeekTaker:
    """Takes files by seeking: the bytes to keep; others are read where they lie, the few that are asked for."""

    all_seen = False

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader

    def take(self, member: Member, left: int) -> Taken:
        """See `StreamTaker.take`."""
        path, mode, size, offset = member.path, member.mode, member.size, member.offset
        data = kept(path, mode, size, left, lambda count: _cut(self._reader.read_at(offset, count), count, offset))
        unlike = bool(data) and not data.startswith(MAGIC)
        return Taken(data, located=is_summed(path) or (not unlike and may_be_object(path, mode)))


def not_elf(size: int) -> NotElf:
    """Return what a loader says of a file of `size` bytes without ELF's magic number."""
    return NOT_ELF if size >= 64 else NotElf("file too short")


def may_be_bound(path: str, found: Skeleton, strings: Strings) -> bool:
    """Tell whether symbols may be asked for: those of libraries, and of the one program that is started, Python."""
    if may_be_object(path, 0) or not found.interpreter or found.soname is not None:
        return True
    return "py" in path[path.rfind("/") + 1 :] or strings.may_have(_PYTHON)


def of_source(source: Source, path: str, data: bytes) -> Taken:
    """Take all that an ELF file tells of which every byte is there."""
    skeleton, symbols = read_both(source, partial(may_be_bound, path))
    own_name = (isinstance(skeleton, Skeleton) and skeleton.soname) or ""
    named = is_loader(path) or is_loader(own_name)  # by its own name too, wherever it is stored
    facts = read_loader(source.read_at(0, source.size)) if named and source.size <= MAX_LOADER else None
    listed = read_listed(source, path) if holds_list(path) else None
    return Taken(data, skeleton, symbols, facts, listed)


def exactly(reader: Reader, size: int) -> bytes:
    """Read the next `size` bytes. Raises `CorruptLayer` where the tar ends before."""
    start = reader.position
    return _cut(reader.read(size), size, start)


def _cut(data: bytes, size: int, start: int) -> bytes:
    if len(data) < size:
        raise _cut_at(start + len(data))
    return data


def _cut_at(position: int) -> CorruptLayer:
    return CorruptLayer(f"the tar is cut inside a member's data at byte {position}")


def _head(member: Member, left: int, content: bytes) -> bytes:
    return head_of(content, member.path) if left >= SCRIPT_HEAD and may_be_program(member.path, member.mode) else b""


class _Passing:
    """The bytes that are kept of large files that go by, in all threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bytes = 0

    def take(self, size: int) -> bool:
        """Hold so many bytes as soon as there is room; False where there was none for too long."""
        with work.waiting():
            for _ in range(int(MAX_WAIT / _TICK)):
                with self._changed:
                    if self._changed.wait_for(lambda: self._bytes + size <= MAX_PASSING, _TICK):
                        self._bytes += size
                        return True
                work.check()
        return False

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        with self._changed:
            self._bytes -= size
            self._changed.notify_all()


_PASSING = _Passing()


@contextlib.contextmanager
def held(size: int) -> Iterator[bool]:
    """Hold so many bytes of a file that goes by; False where there was no room for too long."""
    granted = _PASSING.take(size)
    try:
        yield granted
    finally:
        if granted:
            _trim()
            _PASSING.give_back(size)


def _trim() -> None:
    """Have the C library return what is free: glibc keeps it for each thread. Elsewhere there is no such call."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
