"""The ELF files of one layer as they are asked for: what its index knows, and what is read of its blob later."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property, partial
from typing import TypeVar

from inspector import work
from inspector.elf import MAGIC, MAX_LOADER, Listed, LoaderFacts, NotElf, Skeleton, Source, Symbols, read_listed
from inspector.elf import read_loader as facts_of
from inspector.elf import read_skeleton as skeleton_of
from inspector.elf import read_symbols as symbols_of
from inspector.errors import InspectorError
from inspector.layers.blob import Ahead, LayerBlob, Parted, Remote, Reopenable, Seekable, Unpacked
from inspector.layers.entry import LayerIndex
from inspector.layers.kept import is_whole, joined, kept, pack_kept, unpack_kept
from inspector.layers.objects import (
    KEPT_KEY,
    listed_key,
    loader_key,
    pack_listed,
    pack_loader,
    pack_skeleton,
    skeleton_key,
    unpack_listed,
    unpack_loader,
    unpack_skeleton,
    unpack_symbols,
)
from inspector.layers.offsets import Offsets
from inspector.layers.source_sums import CHANGED, SourceSums, unreadable
from inspector.layers.taking import not_elf
from inspector.rootfs import NotKept

MAX_READ = 12_000
"""Files of one layer that are read later, one by one; `import torch` takes 50 of an image."""

HELD = 16 << 20
"""Bytes of symbols that are held of one layer, so that they are not read again."""

NOT_READ = "its layer was read in a way that tells nothing of ELF files"
Known = TypeVar("Known")


class Binaries:
    """What is known of the ELF files of a layer, by the position of the entry that has the content.

    `stored` gives what the cache has of files that were asked for, `passed` the symbols of all that went by where no
    image was judged since, and `keep` puts there what was learned since; `blob` is where the layer lies, whose
    `identity` was this when the index was made of it.
    `parts` are the files of a layer that was read by its table of contents.
    """

    def __init__(
        self,
        index: LayerIndex,
        blob: LayerBlob | None = None,
        identity: str | None = None,
        *,
        stored: Callable[[], Mapping[int, bytes]] = dict,
        passed: Callable[[], Mapping[int, bytes]] = dict,
        keep: Callable[[Mapping[int, bytes]], None] = lambda _: None,
        files: Parted | None = None,
    ) -> None:
        self._index = index
        self._blob = blob
        self.parts = None if index.verified else files or _parted(blob)
        self._files = None if index.verified else self.parts or _reopenable(blob)
        self._identity = identity
        self._stored = cache(stored)
        self._passed = cache(lambda: index.objects.symbols or passed())
        self._keep = keep
        self._new: dict[int, bytes] = {}
        self._asked: dict[int, bool] = {}
        self._symbols: dict[int, Symbols] = {}
        self._held = HELD
        self._left = MAX_READ
        self._skeletons: dict[int, Skeleton | NotElf] = {}
        self._sums = SourceSums(index, self._stored)
        self._offsets = Offsets(index)
        self._ahead: Ahead | None = None
        self.missed = False
        """Whether a file was asked for that could not be read."""
        self.lacks = False
        """Whether symbols were asked for that went by when the layer was read, and were not kept."""

    @property
    def identity(self) -> str | None:
        """The name of the bytes that the index was made of, where there is one."""
        return self._identity

    def skeleton(self, position: int) -> Skeleton | NotElf:
        """Return the skeleton of a regular file, or why a loader refuses it. Raises `NotKept`."""
        found = self._skeletons.get(position)
        if found is None:
            found = self._skeletons[position] = self._skeleton(position)
        return found

    def _skeleton(self, position: int) -> Skeleton | NotElf:
        index, objects = self._index, self._index.objects
        packed = objects.skeletons.get(position)
        if packed is not None:
            return _decoded(unpack_skeleton, packed)
        size, data = index.entries.sizes[position], index.entries.data.get(position, b"")
        if (not size or data or objects.all_seen) and not (data.startswith(MAGIC) or (objects.lost and not data)):
            return not_elf(size)
        if self._files is None:
            raise self._not_kept(objects.lost or NOT_READ)
        packed = self._read_before(skeleton_key(position))
        if packed is not None:
            return _decoded(unpack_skeleton, packed)
        ahead = None if self._ahead is None else self._ahead.elf(position)
        if ahead is None:
            with self._opened(position) as source:
                found = skeleton_of(source)
        else:
            found, symbols = ahead
            if symbols is not None:
                self._hold(position, symbols)
        self._new[skeleton_key(position)] = pack_skeleton(found)
        return found

    def _read_before(self, key: int) -> bytes | None:
        """Return what was read of a file before, in this run or in an earlier one."""
        return self._new.get(key) or self._stored().get(key)

    @cached_property
    def _kept(self) -> dict[int, Symbols]:
        """The symbols that are kept since an earlier run."""
        try:
            return unpack_kept(self._stored().get(KEPT_KEY, b""))
        except ValueError:
            return {}

    @property
    def blind(self) -> bool:
        """Whether the layer was read in a way that tells nothing of ELF files, and can't be read again."""
        return self._files is None and not self._index.objects.all_seen

    def symbols(self, position: int, *, whole: bool = False) -> Symbols:
        """Return the symbols of a regular file; unless `whole`, without names will do. Raises `NotKept`."""
        found = self._symbols.get(position)
        if found is None or (whole and not is_whole(found)):
            found = self._read_symbols(position, whole=whole)
            self._hold(position, found)
        self._asked[position] = self._asked.get(position, False) or whole
        return found

    def _hold(self, position: int, symbols: Symbols) -> None:
        self._held -= len(symbols.names) + len(symbols.exported)
        if self._held >= 0:
            self._symbols[position] = symbols

    def _read_symbols(self, position: int, *, whole: bool) -> Symbols:
        packed = self._index.objects.symbols.get(position)
        known = self._kept.get(position) if packed is None else None
        if known is not None and (not whole or is_whole(known)):
            return known
        packed = packed or self._passed().get(position)
        if packed is not None:
            return _decoded(unpack_symbols, packed)
        if self._files is None:
            objects = self._index.objects
            self.lacks |= position in objects.skeletons and not objects.lost and not self._passed()
            raise self._not_kept(objects.lost or NOT_READ)
        with self._opened(position) as source:
            return symbols_of(source, whole=whole)

    def loader(self, position: int) -> LoaderFacts:
        """Return what the file of a loader tells. Raises `NotKept`."""
        found = self._index.objects.loaders.get(position)
        if found is not None:
            return found
        if self._files is None or self._index.entries.sizes[position] > MAX_LOADER:
            raise self._not_kept("its name is not that of a loader, so it was not looked into")
        packed = self._read_before(loader_key(position))
        if packed is not None:
            return _decoded(unpack_loader, packed)
        with self._opened(position) as source:
            facts = facts_of(source.read_at(0, source.size))
        self._new[loader_key(position)] = pack_loader(facts)
        return facts

    def listed(self, position: int, path: str) -> Listed:
        """Return the architectures that a library of torch states, by the name `path` of it. Raises `NotKept`."""
        objects = self._index.objects
        found = objects.listed.get(position)
        if found is not None:
            return found
        if self._files is None:
            if objects.all_seen and not objects.lost:
                raise NotKept("it was no library of torch when it was read")
            raise self._not_kept(objects.lost or NOT_READ)
        packed = self._read_before(listed_key(position))
        if packed is not None:
            return _decoded(unpack_listed, packed)
        with self._opened(position) as source:
            found = read_listed(source, path)
        self._new[listed_key(position)] = pack_listed(found)
        return found

    def expect(self, ahead: Ahead) -> None:
        """Have what is found out elsewhere meanwhile."""
        self._ahead = ahead
        self._sums.ahead = ahead.sums

    def sums(self, positions: Iterable[int]) -> dict[int, bytes | NotKept]:
        """Return the sum of each regular file, see `layers.sums`, or why it is not known."""
        found: dict[int, bytes | NotKept] = {}
        unread: set[int] = set()
        for position in positions:
            known = self._sums.known(position)
            if known is not None:
                found[position] = known
            elif self.is_near:
                unread.add(position)
            else:
                found[position] = NotKept("no sum of it was taken when its layer was read")
        if unread and isinstance(self._files, Seekable):
            found |= self._sums_of_tar(self._files, sorted(unread))
        elif unread and isinstance(self._files, Unpacked):
            found |= self._sums_of_directory(self._files, sorted(unread))
        else:
            found |= {position: self._sum_of_file(position) for position in unread}
        self.missed |= any(isinstance(each, NotKept) for each in found.values())
        return found

    def _sums_of_tar(self, tar: Seekable, positions: list[int]) -> dict[int, bytes | NotKept]:
        """Take the sums of files where they lie in a tar, which is opened once for all of them."""
        try:
            with self._unchanged(), tar.reader() as reader:
                offsets = self._offsets.of(reader, positions)
                return {at: self._sums.take(at, partial(reader.read_at, offsets[at])) for at in positions}
        except NotKept as error:
            self._sums.forget(positions)
            return dict.fromkeys(positions, error)

    def _sums_of_directory(self, files: Unpacked, positions: list[int]) -> dict[int, bytes | NotKept]:
        """Take the sums of files that lie each for itself: one that can't be read is no matter of the others."""
        try:
            with self._unchanged():
                return {at: self._sums.attempt(at, read) for at, read in files.readers(self._index, positions)}
        except NotKept as error:
            self._sums.forget(positions)
            return dict.fromkeys(positions, error)

    def _sum_of_file(self, position: int) -> bytes | NotKept:
        try:
            with self._opened(position) as source:
                return self._sums.take(position, partial(source.read_at, 0))
        except NotKept as error:
            self._sums.forget((position,))
            return error

    @property
    def is_near(self) -> bool:
        """Whether its files can be read at any time, so that symbols need not be kept."""
        return self._files is not None and self.parts is None

    def wanted(self) -> set[int]:
        """Return the hashes of all symbols that the files that were asked for need."""
        return set[int]().union(*(self.symbols(position).undefined() for position in self._asked))

    def remember(self, wanted: frozenset[int]) -> None:
        """Put what was read since into the cache: of symbols, what the `wanted` ones of the image need."""
        if not self.is_near:
            self._remember_symbols(wanted)
        self._new |= self._sums.row
        if self._new or not self.is_near:
            self._keep(self._new)

    def _remember_symbols(self, wanted: frozenset[int]) -> None:
        new = {at: kept(self.symbols(at, whole=whole), wanted, names=whole) for at, whole in self._asked.items()}
        before = self._kept
        every = before | {at: joined(before[at], each) if at in before else each for at, each in new.items()}
        if every != before:
            self._new[KEPT_KEY] = pack_kept(every)

    @contextlib.contextmanager
    def _opened(self, position: int) -> Iterator[Source]:
        """Provide the file, which is read only while the blob is the very one that the index was made of."""
        work.check()
        self._left -= 1
        assert self._files is not None
        if self._left < 0:
            raise self._not_kept(f"more than {MAX_READ} files of its layer were asked for")
        with self._unchanged(), self._file(self._files, position) as source:
            yield source

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Raise `NotKept` where what is read meanwhile can't be, or is not of the blob that the index was made of."""
        try:
            self._check_identity()
            yield
            self._check_identity()
        except OSError as error:
            raise self._not_kept(unreadable(error)) from error
        except NotKept:
            self.missed = True
            raise
        except InspectorError as error:
            raise self._not_kept(f"it can't be read any more: {error}") from error

    def _check_identity(self) -> None:
        if self._identity != getattr(self._blob, "identity", None):
            raise NotKept(CHANGED)

    def _not_kept(self, why: str) -> NotKept:
        self.missed = True
        return NotKept(why)

    @contextlib.contextmanager
    def _file(self, files: Parted | Reopenable, position: int) -> Iterator[Source]:
        """Open the file; in a tar, also one that its name did not tell to be an object."""
        if position in self._index.objects.offsets or not isinstance(files, Seekable):
            with files.open_file(self._index, position) as source:
                yield source
            return
        with files.reader() as reader:
            start = self._offsets.of(reader, [position])[position]
            yield reader.part(start, self._index.entries.sizes[position])


def _parted(blob: object) -> Parted | None:
    return blob.files() if isinstance(blob, Remote) else None


def _reopenable(blob: object) -> Reopenable | None:
    return blob if isinstance(blob, Reopenable) else None


def _decoded(decode: Callable[[bytes], Known], packed: bytes) -> Known:
    try:
        return decode(packed)
    except ValueError as error:
        raise NotKept("what was kept of it is damaged") from error


def remember(layers: Iterable[Binaries]) -> None:
    """Put into the cache what was read of the layers of one image, each of which serves the others."""
    found = list(layers)
    far = any(not each.is_near for each in found)
    wanted = frozenset[int]().union(*(each.wanted() for each in found)) if far else frozenset[int]()
    for each in found:
        each.remember(wanted)
