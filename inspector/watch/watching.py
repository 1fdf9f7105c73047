"""Images checked as a registry notifies of them: each once, one after the other, in no registry but those named."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Generator, Hashable, Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from inspector.errors import UsageError
from inspector.names import ImageName
from inspector.pipeline.audit import audit
from inspector.pipeline.model import DEFAULTS, Options, error_fact
from inspector.pipeline.roles import role_named
from inspector.pipeline.scopes import Scope, Selection, once
from inspector.policy.audited import Audited, Notice, Noticed
from inspector.policy.role import Policy
from inspector.registry.settings import Settings

MAX_QUEUED = 1000
"""Images that may wait; where there are more, the registry is asked to retry."""
MAX_REMEMBERED = 20_000
"""Images that are known to be checked, the last ones."""

EVERY_TAG = Selection()

_TICK = 0.5
"""Seconds after which an idle watcher notices that it is to stop."""
_PASSING = frozenset({"unreachable", "rate-limited", "refused", "denied", "internal-error", "unreadable", "not-found"})
"""Errors that may be gone by the next notification of the same image."""
_NOT_OURS = frozenset({"no-image", "platform-missing"})
"""What lies beside images, or is for other machines: by digest alone, nobody asked for it."""


class Watcher:
    """Takes notices from any thread; `results` checks them in the thread that asks for those.

    A push by digest alone names nothing yet: it is checked when it gets a tag, or is pulled.
    """

    def __init__(
        self,
        targets: Iterable[Scope],
        policy: Policy | None,
        options: Options = DEFAULTS,
        *,
        selection: Selection = EVERY_TAG,
        settings: Settings | None = None,
    ) -> None:
        selection.check()
        if selection.newest is not None:
            raise UsageError("--newest is about a list of tags, and --watch takes them as they come")
        if policy is not None and options.role is not None:
            role_named(policy, options.role)
        self._targets = once(targets)
        if not self._targets:
            raise UsageError("nothing to watch: name a repository, as in registry.example.com/team/api, or --catalog")
        self._policy = policy
        self._options = options
        self._selection = selection
        self._settings = settings
        self._changed = threading.Condition()
        self._queue: deque[tuple[Notice, ImageName]] = deque()
        self._seen = _Remembered(MAX_REMEMBERED)
        self._given = _Remembered(MAX_REMEMBERED)
        self._stopping = False

    @property
    def is_stopping(self) -> bool:
        """Tell whether no more notices are taken."""
        return self._stopping

    def __len__(self) -> int:
        """Count the images that wait."""
        return len(self._queue)

    def offer(self, notices: Iterable[Notice]) -> bool:
        """Take all notices that are about images to check; False where there is no room for them, and none is taken."""
        asked = [(notice, name) for notice in notices if (name := self._name(notice)) is not None]
        with self._changed:
            new = {_key(name): (notice, name) for notice, name in asked if _key(name) not in self._seen}
            if self._stopping or len(self._queue) + len(new) > MAX_QUEUED:
                return False
            for key, item in new.items():
                self._seen.add(key)
                self._seen.add((*key[:3], None))
                self._queue.append(item)
            self._changed.notify_all()
        return True

    def stop(self) -> None:
        """Take no more notices; `results` ends after what waits. A signal's handler may call it."""
        self._stopping = True

    def results(self) -> Generator[Noticed]:
        """Yield the results of images, as notifications come; end once stopped, and nothing waits."""
        while (item := self._next()) is not None:
            yield from self._checked(*item)

    def _next(self) -> tuple[Notice, ImageName] | None:
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return None
                self._changed.wait(_TICK)
            return self._queue.popleft()

    def _name(self, notice: Notice) -> ImageName | None:
        """Return what to ask for, of a registry that was named: the notice's host only chooses among those."""
        if notice.tag is None and (notice.action == "push" or self._selection != EVERY_TAG):
            return None
        if notice.tag is not None and not self._selection.fits(notice.tag):
            return None
        hosts = list(dict.fromkeys(host for target in self._targets if (host := _host(target, notice))))
        if notice.host in hosts:
            hosts = [notice.host]
        return ImageName(hosts[0], notice.repository, notice.tag, notice.digest) if len(hosts) == 1 else None

    def _checked(self, notice: Notice, name: ImageName) -> Iterator[Noticed]:
        """Yield the results for one image, but for those that were given already, and for what is beside images."""
        for result in self._results(name):
            if result.error is not None and result.error.kind in _PASSING:
                self._seen.forget(_key(name))
                self._seen.forget((*_key(name)[:3], None))
            key = result.repository, result.image_id, result.role
            is_beside = result.error is not None and result.error.kind in _NOT_OURS
            if name.tag is None and (is_beside or (result.image_id and key in self._given)):
                continue
            self._given.add(key)
            fields = {field: getattr(result, field) for field in result.__struct_fields__}
            yield Noticed(**fields, event=notice)

    def _results(self, name: ImageName) -> Iterator[Audited]:
        options = self._options
        if name.tag is None and options.platform is None:  # the puller knows for which
            options = msgspec.structs.replace(options, platform="all")
        try:
            for event in audit([Scope(name, listed=True)], self._policy, options, settings=self._settings):
                if isinstance(event, Audited):
                    yield event
        except Exception as error:  # noqa: BLE001 - one bad image never ends the watch
            repository = f"{name.host}/{name.repository}"
            fact = error_fact(error)
            yield Audited(
                image=str(name), repository=repository, outcome="unknown" if self._policy else None, error=fact
            )


class _Remembered:
    """Keys that were met, the last so many; from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> None:
        """Remember a key, and forget the one that was added first where there are too many."""
        with self._lock:
            self._keys[key] = None
            while len(self._keys) > self._most:
                self._keys.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Forget a key."""
        with self._lock:
            self._keys.pop(key, None)


def _key(name: ImageName) -> tuple[str, str, str | None, str | None]:
    return name.host, name.repository, name.digest, name.tag


def _host(target: Scope, notice: Notice) -> str:
    """Return the scope's host if the notice can be about it; else empty."""
    name = target.name
    if name is None:
        return target.host if fnmatchcase(notice.repository, target.pattern) else ""
    fits = name.repository == notice.repository and name.tag in (None, notice.tag)
    return name.host if fits and name.digest in (None, notice.digest) else ""
