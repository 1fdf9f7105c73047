"""The sums of one layer's sources: those that its index has, those that are kept, and those that are taken later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from inspector import work
from inspector.layers.entry import LayerIndex
from inspector.layers.objects import SUMS_KEY
from inspector.layers.sums import Summing, pack_sums, sum_of, unpack_sums
from inspector.rootfs import NotKept

CHANGED = "its layer changed since it was read"

_OFTEN = 64  # sources after which it is asked whether to stop, which calls the system
_NOT_FIT = "it is larger than a source, or more are asked for than are summed of a layer"


def unreadable(error: OSError) -> str:
    """Say why a file can't be read that could be listed."""
    return f"it can't be read any more: {error.strerror or error}"


class SourceSums:
    """Sums by the positions of files; `stored` gives the rows that the cache has of files that were asked for.

    `ahead` gives those that are taken elsewhere meanwhile; it is asked once.
    """

    def __init__(self, index: LayerIndex, stored: Callable[[], Mapping[int, bytes]]) -> None:
        self._index = index
        self._stored = stored
        self.ahead: Callable[[], Mapping[int, bytes]] = dict
        self._taken: dict[int, bytes] = {}
        self._summing = Summing(self._taken)

    def known(self, position: int) -> bytes | None:
        """Return the sum of a regular file where nothing need be read for it."""
        found = self._index.objects.sums.get(position) or self._taken.get(position) or self._kept.get(position)
        if found is None:
            data = self._index.entries.data.get(position, b"")
            if len(data) == self._index.entries.sizes[position]:
                return sum_of(data)
            found = self._meanwhile.get(position)
            if found is not None:
                self._taken[position] = found
        return found

    @cached_property
    def _meanwhile(self) -> Mapping[int, bytes]:
        return self.ahead()

    @cached_property
    def _kept(self) -> dict[int, bytes]:
        """Those that were taken in earlier runs."""
        return unpack_sums(self._stored().get(SUMS_KEY, b""))

    def take(self, position: int, read: Callable[[int], bytes]) -> bytes | NotKept:
        """Take the sum of a file of which `read` returns the first bytes. Raises `NotKept` where it ends too early."""
        if not len(self._taken) % _OFTEN:
            work.check()
        size = self._index.entries.sizes[position]
        if not self._summing.fits(size):
            return NotKept(_NOT_FIT)
        content = read(size)
        if len(content) < size:
            raise NotKept(CHANGED)
        self._summing.add(position, content)
        return self._taken[position]

    def attempt(self, position: int, read: Callable[[int], bytes]) -> bytes | NotKept:
        """Do the same for a file that lies for itself, and return why where it can't be read."""
        try:
            return self.take(position, read)
        except OSError as error:
            return NotKept(unreadable(error))
        except NotKept as error:
            return error

    def forget(self, positions: Iterable[int]) -> None:
        """Let go of sums that were taken of other bytes than those of the layer."""
        for position in positions:
            self._taken.pop(position, None)

    @property
    def row(self) -> dict[int, bytes]:
        """What is to be kept, by its key: nothing where no sum was taken."""
        return {SUMS_KEY: pack_sums(self._kept | self._taken)} if self._taken else {}
