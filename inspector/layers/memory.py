"""The memory that layers take while they are read and held, shared by all that are read side by side.

Every reader takes its bytes from one gate before it holds them, for the image that this thread reads, and they are
given back when the index that they belong to is let go.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from inspector import work
from inspector.errors import causes
from inspector.layers.entry import LayerIndex
from inspector.layers.gate import Gate, Group

_STEP = 1 << 16  # bytes taken from the gate at a time, since asking for every entry would be dear
_LARGE = 4 << 20  # bytes held of an image from which on what is made of it counts
_MAKING = threading.Lock()

GATE = Gate()


class Share:
    """What one layer takes of its group's memory: given back when its index is let go."""

    def __init__(self, group: Group) -> None:
        self._gate = GATE
        self._group = group
        self._spare = 0
        self._size = 0

    def take(self, size: int) -> None:
        """Hold so many bytes more. Raises as `Gate.take`."""
        self._spare -= size
        if self._spare < 0:
            more = max(_STEP, -self._spare)
            self._gate.take(self._group, more)
            self._spare += more
            self._size += more

    def add(self, size: int) -> None:
        """Hold bytes that are there already, without waiting. Raises as `Gate.take`."""
        self._gate.add(self._group, size)
        self._size += size

    def hold(self, index: LayerIndex) -> None:
        """Keep what was taken for as long as `index` is."""
        self._gate.add(self._group, -self._spare)
        self._size -= self._spare
        self._spare = 0
        _holders[id(index)] = self._group
        weakref.finalize(index, self._let_go, id(index)).atexit = False

    def _let_go(self, key: int) -> None:
        _holders.pop(key, None)
        self.give_back()

    def give_back(self) -> None:
        """Hold nothing any more."""
        size, self._size = self._size, 0
        self._gate.add(self._group, -size)


_holders: dict[int, Group] = {}
"""Who holds an index that lives, by its identity as an object."""
_here: ContextVar[Group | None] = ContextVar("reading", default=None)


def current() -> Group | None:
    """Return the group that this thread reads for."""
    return _here.get()


@contextlib.contextmanager
def within(group: Group) -> Iterator[None]:
    """Return what this thread reads now is read for `group`."""
    token = _here.set(group)
    try:
        yield
    finally:
        _here.reset(token)


@contextlib.contextmanager
def reading(*, most: int = 0, parked: bool = False, lone: bool = False) -> Iterator[Group]:
    """Provide a new group, which reads in the meantime; in this thread, and in others that enter `within` it."""
    group = Group(most=most, parked=parked, lone=lone)
    GATE.enter(group)
    try:
        with within(group):
            yield group
    except BaseException as error:
        _forget(error)
        raise
    finally:
        GATE.leave(group)


@contextlib.contextmanager
def alone(group: Group) -> Iterator[None]:
    """Make much of what the group holds, which takes memory of its own: large images one after the other."""
    if group.held < _LARGE:
        yield
        return
    with work.held(_MAKING):
        yield


@contextlib.contextmanager
def share() -> Iterator[Share]:
    """Provide the memory of one layer that is read now, for this thread's group or for itself.

    Given back if reading fails.
    """
    known = current()
    with contextlib.ExitStack() as stack:
        taken = Share(known or stack.enter_context(reading(lone=True)))
        try:
            yield taken
        except BaseException as error:
            _forget(error)
            taken.give_back()
            raise


@contextlib.contextmanager
def window(size: int) -> Iterator[None]:
    """Hold a decompressor's window of so many bytes."""
    known = current()
    with contextlib.ExitStack() as stack:
        stack.enter_context(GATE.window(known or stack.enter_context(reading(lone=True)), size))
        yield


def load(get: Callable[[], LayerIndex | None]) -> LayerIndex | None:
    """Return the index that `get` decodes from the cache, with its memory accounted for; None if nothing is cached."""
    with share() as taken:

        def held() -> LayerIndex | None:
            index = get()
            if index is not None:
                taken.add(index.weight)
                taken.hold(index)
            return index

        return GATE.alone(current() or Group(), held)


def hold(index: LayerIndex) -> None:
    """Hold the memory of an index that was made in other ways than by a scan, for this thread's group.

    One that another group holds is only counted towards what this one may hold. Raises `LimitExceeded`.
    """
    known = current()
    holder = _holders.get(id(index))
    if known is None or holder is known:
        return
    size = index.weight
    if holder is not None:
        GATE.count(known, size)
        return
    taken = Share(known)
    taken.add(size)
    taken.hold(index)


def _forget(error: BaseException) -> None:
    """Let go of what the functions held that an error passed through: reports keep errors until the run ends."""
    import traceback  # 2 ms, and most runs fail nowhere

    for each in causes(error):
        traceback.clear_frames(each.__traceback__)
