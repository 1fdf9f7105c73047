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
from inspector.names import ImageName
from inspector.pipeline.model import Asked, Opened
from inspector.pipeline.work_queue import WorkQueue
from inspector.policy.audited import natural
from inspector.sources.image import Image

_TICK = 0.2  # seconds after which a thread that waits for lists looks whether its work was stopped
_NEVER = datetime.min.replace(tzinfo=UTC)


class ToList:
    """A repository whose tags are to be listed; `asked` has them once its list came, or the one that was named."""

    def __init__(self, name: ImageName, asked: Iterator[Asked] | None = None) -> None:
        self.name = name
        self.asked = asked


class Listed(msgspec.Struct, frozen=True):
    """What a list led to: how many of its tags are not asked for, or ignored; or why `name` could not be listed."""

    name: str
    filtered: int = 0
    ignored: int = 0
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
        """Tell whether all tags came."""
        return not self._left

    def add(self, opened: Opened) -> list[Opened]:
        """Take in what one of the tags led to; all that count once the last one came, nothing before."""
        self._left -= 1
        if opened.images:
            name = str(opened.asked.name)
            made = max(made_at(image) for image in opened.images)
            heapq.heappush(self._made, ((made, natural(name), name), self._left, opened))
            if len(self._made) > self._count:
                heapq.heappop(self._made)
        elif not isinstance(opened.cause, (NoImage, NotFound)):
            self._failed.append(opened)
        if not self.is_complete:
            return []
        return [*self._failed, *(opened for *_, opened in sorted(self._made, reverse=True))]


class Requests:
    """What is to be asked, for one pool: tags in the order of the names, and lists of the repositories after them.

    At most `ahead` lists are under way, or came and wait for their turn; what they hold lies in the queue.
    `last_made` has the lists of which only some tags count, by their numbers.
    """

    def __init__(self, names: Iterable[ImageName | Listed], queue: WorkQueue, ahead: int) -> None:
        self._names = iter(names)
        self._queue = queue
        self._ahead = ahead
        self._repositories: deque[ToList] = deque()
        self._changed = threading.Condition()
        self.last_made: dict[int, LastMade] = {}

    def __iter__(self) -> Iterator[Asked | ToList | Listed]:
        """Yield what to do next; one thread at a time asks, and waits for a list where that decides."""
        is_more = True
        while is_more or self._repositories:
            if self._repositories and self._repositories[0].asked is not None:
                yield from self._repositories.popleft().asked or ()
            elif not is_more or len(self._repositories) >= self._ahead:
                self._wait(self._repositories[0])
            elif (name := next(self._names, None)) is None:
                is_more = False
            elif isinstance(name, Listed):
                yield name
            elif name.tag or name.digest:
                self._repositories.append(ToList(name, iter([Asked(name=name)])))
            else:
                self._repositories.append(ToList(name))
                yield self._repositories[-1]

    def listed(self, repository: ToList, tags: list[str], among: LastMade | None = None) -> None:
        """Have these tags of a repository asked for when its turn comes; none where it could not be listed."""
        number, name = self._queue.add_tags(tags), repository.name
        if among is not None:
            self.last_made[number] = among
        with self._changed:
            repository.asked = (Asked(name=name.tagged(tag), tags=number) for tag in self._queue.tags(number))
            self._changed.notify_all()

    def _wait(self, repository: ToList) -> None:
        with self._changed:
            while repository.asked is None:
                self._changed.wait(_TICK)
                work.check()


def made_at(image: Image) -> datetime:
    """Return when the image was made, as its config says; long ago where it doesn't."""
    try:
        made = datetime.fromisoformat(image.config.created)
    except (TypeError, ValueError):
        return _NEVER
    return made if made.tzinfo else made.replace(tzinfo=UTC)
