"""What is asked of registries before a plan stands, as the threads of one pool take it: lists of tags, then images."""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from inspector import work
from inspector.errors import NoImage, NotFound
from inspector.pipeline.work_queue import WorkQueue
from inspector.policy.audited import natural
from inspector.registry.names import RegistryName
from inspector.sources.image import Image

_TICK = 0.2  # seconds after which a thread that waits for lists looks whether its work was stopped
_NEVER = datetime.min.replace(tzinfo=UTC)


class Asked(msgspec.Struct, frozen=True):
    """A tag or digest to ask for.

    `listed` ones came out of a list: what is no image is left out. `among` are the tags of which the last made count.
    """

    name: RegistryName
    listed: bool = True
    among: LastMade | None = None


class Opened(msgspec.Struct, frozen=True):
    """What a tag led to: the digest that it points at and the images there, or why there are none."""

    asked: Asked
    images: tuple[Image, ...] = ()
    digest: str = ""
    cause: Exception | None = None


class Slot:
    """The place of a repository in the order of the targets; `asked` are its tags once its list came."""

    def __init__(self, asked: Iterator[Asked] | None = None) -> None:
        self.asked = asked


class ToList(msgspec.Struct, frozen=True):
    """A repository whose tags are to be listed."""

    name: RegistryName
    slot: Slot


class Listed(msgspec.Struct, frozen=True):
    """What a list led to: how many of its tags are not asked for; or why `name` could not be listed."""

    name: str
    filtered: int = 0
    cause: Exception | None = None


class LastMade:
    """Of so many tags of a repository, the `count` whose configs say that they were made last.

    One that can't be opened counts, too, and comes first; what is no image is left out.
    """

    def __init__(self, total: int, count: int) -> None:
        self.total = total
        self._count = count
        self._left = total
        self._failed: list[Opened] = []
        self._made: list[tuple[tuple[datetime, tuple[tuple[str, int], ...], str], int, Opened]] = []

    @property
    def is_complete(self) -> bool:
        """Whether all tags came."""
        return not self._left

    def add(self, opened: Opened) -> list[Opened]:
        """Take in what one of the tags led to; all that count once the last one came, nothing before."""
        self._left -= 1
        if opened.images:
            tag = opened.asked.name.target
            made = max(made_at(image) for image in opened.images)
            heapq.heappush(self._made, ((made, natural(tag), tag), self._left, opened))
            if len(self._made) > self._count:
                heapq.heappop(self._made)
        elif not isinstance(opened.cause, (NoImage, NotFound)):
            self._failed.append(opened)
        if not self.is_complete:
            return []
        return [*self._failed, *(opened for *_, opened in sorted(self._made, reverse=True))]


class Errands:
    """What is to be asked, for one pool: tags in the order of the targets, and lists of the repositories after them.

    At most `ahead` lists are under way, or came and wait for their turn; what they hold lies in the ledger.
    """

    def __init__(self, targets: Iterable[RegistryName | Listed], ledger: WorkQueue, ahead: int) -> None:
        self._targets = iter(targets)
        self._ledger = ledger
        self._ahead = ahead
        self._slots: deque[Slot] = deque()
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[Asked | ToList | Listed]:
        """What to do next; asked for by one thread at a time, which waits for a list where that decides."""
        is_more = True
        while is_more or self._slots:
            if self._slots and self._slots[0].asked is not None:
                yield from self._slots.popleft().asked or ()
            elif not is_more or len(self._slots) >= self._ahead:
                self._wait(self._slots[0])
            elif (target := next(self._targets, None)) is None:
                is_more = False
            elif isinstance(target, Listed):
                yield target
            elif target.tag or target.digest:
                self._slots.append(Slot(iter([Asked(target, listed=False)])))
            else:
                self._slots.append(Slot())
                yield ToList(target, self._slots[-1])

    def listed(self, errand: ToList, tags: list[str], among: LastMade | None = None) -> None:
        """Have these tags of a repository asked for when its turn comes; none where it could not be listed."""
        number = self._ledger.keep(tags)
        with self._changed:
            errand.slot.asked = (Asked(errand.name.tagged(tag), among=among) for tag in self._ledger.kept(number))
            self._changed.notify_all()

    def _wait(self, slot: Slot) -> None:
        with self._changed:
            while slot.asked is None:
                self._changed.wait(_TICK)
                work.check()


def made_at(image: Image) -> datetime:
    """When the image was made, as its config says; long ago where it doesn't."""
    try:
        made = datetime.fromisoformat(image.config.created)
    except (TypeError, ValueError):
        return _NEVER
    return made if made.tzinfo else made.replace(tzinfo=UTC)
