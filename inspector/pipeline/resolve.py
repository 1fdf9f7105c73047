"""From repositories to the plan: tags listed and chosen, manifests asked for, each image queued once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Literal, TypeVar, overload

import msgspec

from inspector import work
from inspector.errors import InspectorError, NoImage, NotFound, PlatformMissing
from inspector.layers.answers import SeenTag
from inspector.layers.cache import IndexCache
from inspector.names import ImageName
from inspector.oci import Platform
from inspector.pipeline.audited import Judge
from inspector.pipeline.budget import AuditBudget, Spent
from inspector.pipeline.fitting import Fitting, none_selected
from inspector.pipeline.listing import LastMade, Listed, Requests, ToList
from inspector.pipeline.model import Asked, Opened, Options, Progress, error_fact
from inspector.pipeline.pending import pending_of
from inspector.pipeline.scopes import Scope, Selection
from inspector.pipeline.work_queue import State, WorkQueue
from inspector.policy.audited import Audited, Planned
from inspector.policy.tags import newest
from inspector.sources.image import Image
from inspector.sources.registry.contents import PutOff
from inspector.sources.registry.open import Registries, open_named, tags_of

JOBS = 8
"""Requests for manifests at once unless told otherwise: most of the time, they wait for the registry."""
_AHEAD = 3
"""Tags for each request at once that are past the one whose turn it is: this may take so many requests."""

MAX_SAMPLE = 10_000
"""Tags of a repository that are kept to tell what would fit, where none is selected."""

_SEEN_AT_ONCE = 500

R = TypeVar("R")


class Resolver(msgspec.Struct, kw_only=True):
    """Opens all images of one audit, and puts them in the `queue`.

    `plan` counts what was met, `left` the tags that a bound left out. `unfitting` are tags of the first repository of
    which none is selected (at most `MAX_SAMPLE`), and how many it has. `seen` waits to be written to the cache.
    """

    registries: Registries
    judge: Judge
    selection: Selection
    options: Options
    cache: IndexCache
    queue: WorkQueue
    budget: AuditBudget
    progress: Progress
    plan: Planned = Planned()
    left: int = 0
    repositories: set[str] = msgspec.field(default_factory=set)
    unfitting: tuple[ImageName, list[str], int] | None = None
    seen: list[SeenTag] = msgspec.field(default_factory=list)

    def resolve(self, scopes: Iterable[Scope]) -> Iterator[Audited]:
        """Queue every image; yield results for what could not be opened."""
        jobs = self.options.jobs or JOBS
        requests = Requests(self._names(scopes), self.queue, jobs * (1 + _AHEAD))

        def answer(request: Asked | ToList | Listed) -> Asked | Opened | Listed:
            if isinstance(request, ToList):
                return self._list(request, requests)
            return self._open(request) if isinstance(request, Asked) else request

        stop, ahead = self.registries.close, jobs * _AHEAD
        with work.SideBySide(answer, requests, jobs, in_order=True, ahead=ahead, stop=stop) as results:
            for result in results:
                # an answer that is a question again was put off: another thread asks the same, or it is large
                done = self._open(result, waits=True) if isinstance(result, Asked) else result
                if isinstance(done, Listed):
                    self._count(filtered=done.filtered, ignored=done.ignored)
                    if done.cause is not None:
                        yield from self._failed(done.name, done.cause)
                    continue
                self.progress.add(opened=1)
                for opened in self._chosen(done, requests):
                    yield from self._met(opened)
                    for image in opened.images:
                        self._enqueue(opened, image)
                    self._see(opened)
        self._note_seen()
        self._count(repositories=len(self.repositories))
        if self.unfitting and not self.plan.tags and self.plan.filtered:
            name, tags, count = self.unfitting
            yield from self._failed(str(name), NotFound(f"{name}: {none_selected(self.selection, tags, count)}"))

    def _chosen(self, opened: Opened, requests: Requests) -> list[Opened]:
        """Return what is to be judged, now that a tag was opened: it, or the last made once all of its kind were."""
        among = requests.last_made.get(opened.asked.tags)
        if among is None:
            return [opened]
        chosen = among.add(opened)
        if among.is_complete:
            del requests.last_made[opened.asked.tags]
            self._count(filtered=among.total - len(chosen))
        return chosen

    def _met(self, opened: Opened) -> Iterator[Audited]:
        self._count(tags=1)
        if opened.asked.tags and isinstance(opened.cause, NoImage):
            self._count(no_images=1)
        elif opened.cause is not None:
            yield from self._failed(str(opened.asked.name), opened.cause)

    def _failed(self, name: str, error: Exception) -> Iterator[Audited]:
        if isinstance(error, Spent):
            self.left += 1
            return
        self._count(unreadable=1)
        yield from self.judge.failure(name, error)

    def _count(self, **more: int) -> None:
        counted = {name: getattr(self.plan, name) + count for name, count in more.items()}
        self.plan = msgspec.structs.replace(self.plan, **counted)

    def _see(self, opened: Opened) -> None:
        """Remember which digest a tag has, for an audit of what is known."""
        name = opened.asked.name
        if isinstance(name, ImageName) and opened.digest and not name.digest and not self.registries.is_remembered:
            self.seen.append(SeenTag(f"{name.host}/{name.repository}", name.target, opened.digest, int(time.time())))
            if len(self.seen) >= _SEEN_AT_ONCE:
                self._note_seen()

    def _note_seen(self) -> None:
        if self.seen:
            self.cache.answers.note_tags(self.seen)
            self.seen = []

    def _enqueue(self, opened: Opened, image: Image) -> None:
        name = opened.asked.name
        assert isinstance(name, ImageName)
        pending = pending_of(image, f"{name.host}/{name.repository}", opened.digest)
        needs = self.judge.needs_layers(image, str(name)) and not self.judge.knows(image, str(name))
        for unit in self.queue.add(pending, str(name), needs=needs):
            if self.cache.has(unit.diff_id, unit.digest, verified=self.options.verify):
                self.queue.mark(unit, State.KNOWN)

    def _names(self, scopes: Iterable[Scope]) -> Iterator[ImageName | Listed]:
        """Yield the repositories and images of all scopes, and why registries can't be listed."""
        for scope in scopes:
            for name in [scope.name] if scope.name is not None else self._catalog(scope):
                if scope.listed and isinstance(name, ImageName) and name.tag and self.judge.ignores(str(name)):
                    self._count(ignored=1)
                    continue
                if isinstance(name, ImageName):
                    self.repositories.add(f"{name.host}/{name.repository}")
                    self.progress.add(names=1 if name.tag or name.digest else 0)
                yield name

    def _catalog(self, scope: Scope) -> Iterator[ImageName | Listed]:
        fitting = Fitting(scope.pattern)
        try:
            for repository in self.registries.client.catalog(scope.host):
                if fitting.fits(repository):
                    yield ImageName(scope.host, repository)
        except InspectorError as error:
            yield Listed(scope.host, cause=error)
        else:
            if not fitting.found:
                yield Listed(scope.host, cause=NotFound(f"{scope.host}: {fitting.none_fits()}"))

    def _list(self, request: ToList, requests: Requests) -> Listed:
        """Have the tags of a repository asked for that are selected, in the registry's order, or the newest first."""
        name = request.name
        with ExitStack() as stack:
            try:
                listed = self._asked(name.host, lambda: list(tags_of(name, self.registries, stack)))
            except InspectorError as error:
                requests.listed(request, [])
                return Listed(str(name), cause=error)
            if not self.registries.is_remembered:
                self.cache.answers.forget_tags(f"{name.host}/{name.repository}", listed)
            selected = [tag for tag in listed if self.selection.fits(tag)]
            fitting = [tag for tag in selected if not self.judge.ignores(str(name.tagged(tag)))]
            ignored = len(selected) - len(fitting)
            if listed and not selected:
                self.unfitting = self.unfitting or (name, listed[:MAX_SAMPLE], len(listed))
            wanted, among = self.selection.newest, None
            if wanted is not None and len(fitting) > wanted:
                found = newest(fitting, wanted)
                among = LastMade(len(fitting), wanted) if found is None else None
                fitting = fitting if found is None else found
            self.progress.add(names=len(fitting))
            requests.listed(request, fitting, among)
            return Listed(str(name), filtered=len(listed) - ignored - len(fitting), ignored=ignored)

    def _asked(self, host: str, ask: Callable[[], R]) -> R:
        """Return the answer of a registry, unless that is lost; what becomes of it counts for whether it is."""
        if self.budget.is_lost(host):
            raise Spent(f"{host} no longer answers")
        try:
            answer = ask()
        except PutOff:
            raise
        except Exception as error:
            self.budget.note(host, error_fact(error).kind)
            raise
        self.budget.note(host, "")
        return answer

    @overload
    def _open(self, asked: Asked) -> Opened | Asked: ...

    @overload
    def _open(self, asked: Asked, *, waits: Literal[True]) -> Opened: ...

    def _open(self, asked: Asked, *, waits: bool = False) -> Opened | Asked:
        """Return what a tag leads to; unless it `waits`, what was asked, where that is to be opened in its turn."""
        name = asked.name
        assert isinstance(name, ImageName)
        roles = [] if self.options.platform else self.judge.roles(str(name))
        own = next((role.platform for role in roles if role.platform), None)
        try:
            with work.limited(self.options.image_timeout):
                images, digest = self._asked(name.host, lambda: self._images(name, own, waits=waits))
        except PutOff:
            return asked
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            return Opened(asked, cause=error)
        return Opened(asked, tuple(images), digest)

    def _images(self, name: ImageName, own: Platform | None, *, waits: bool) -> tuple[list[Image], str]:
        """Open the images for the platform asked for, else for the role's; where there is but one, check it in that."""
        try:
            return open_named(name, own or self.options.platform, self.registries, waits=waits)
        except PlatformMissing:
            if own is None:
                raise
            images, digest = open_named(name, "all", self.registries, waits=waits)
            if len(images) != 1:
                raise
            return images, digest
