"""Registries as they were when they were asked last: tags from what was kept of them, documents by digest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

from inspector.errors import NotFound
from inspector.layers.answers import AnswerCache
from inspector.names import ImageName
from inspector.registry.client import Client
from inspector.registry.repository import Head, Repository
from inspector.registry.session import Session
from inspector.registry.settings import Settings
from inspector.sources.registry.contents import Kept
from inspector.sources.registry.open import Registries
from inspector.words import count

NOT_READ = "was not read before; audit it once without --known"
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


class RememberedRegistries(Registries):
    """The registries of one run of which none is asked: what is not remembered is not there."""

    is_remembered = True

    def __init__(self, settings: Settings, *, answers: AnswerCache, kept: Kept) -> None:
        super().__init__(settings, kept=kept)
        self.client = _Client(settings, answers)
        self._answers = answers

    def told(self, name: ImageName) -> tuple[str, ...]:
        """See `Registries.told`: how old the answer is."""
        seen = None if name.digest else _seen(self._answers, name, name.target)
        if seen is None:
            return ()
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seen[1]))
        return (f"the registry was not asked; its tag was seen on {when}, {age(time.time() - seen[1])} ago",)


class _Client(Client):
    def __init__(self, settings: Settings, answers: AnswerCache) -> None:
        super().__init__(settings)
        self._answers = answers

    def repositories(self, name: ImageName) -> list[Repository]:
        """See `Client.repositories`: the one by that name, whichever mirror it was had from."""
        return [self.repository(name)]

    def repository(self, place: ImageName) -> Repository:
        """See `Client.repository`."""
        return _Repository(self._session(place.host), place, self._answers)

    def catalog(self, host: str) -> Iterator[str]:
        """See `Client.catalog`."""
        found = dict.fromkeys(each.repository.partition("/")[2] for each in self._answers.tags(host))
        if not found:
            raise NotFound(f"{host}: {NOT_READ}")
        return iter(found)


class _Repository(Repository):
    def __init__(self, session: Session, name: ImageName, answers: AnswerCache) -> None:
        super().__init__(session, name)
        self._answers = answers

    def head(self, target: str) -> Head | None:
        """See `Repository.head`."""
        digest = target if ":" in target else (_seen(self._answers, self.name, target) or ("",))[0]
        return Head(digest, None, "") if digest else None

    def tags(self, stack: ExitStack | None = None) -> Iterator[str]:  # noqa: ARG002 - the signature
        """See `Repository.tags`."""
        found = [each.tag for each in self._answers.tags(self.name.host, self.name.repository)]
        if not found:
            raise NotFound(f"{self.where}: {NOT_READ}")
        return iter(found)

    def _ask(self, method: str, path: str, where: str, headers: dict[str, str] | None = None) -> NoReturn:  # noqa: ARG002 - the signature
        """Raise `NotFound`: what is kept is not asked for, and all else is not had."""
        raise NotFound(f"{where}: {NOT_READ}")


def _seen(answers: AnswerCache, name: ImageName, tag: str) -> tuple[str, int] | None:
    """Return the digest that a tag had, and when that was."""
    found = answers.tags(name.host, name.repository, tag)
    return (found[0].digest, found[0].seen) if found else None


def age(span: float) -> str:
    """Return a span of time in its largest unit: `3 days`, `1 hour`, `0 minutes`."""
    unit, seconds = next((each for each in _UNITS if span >= each[1]), _UNITS[-1])
    return count(max(int(span // seconds), 0), unit)
