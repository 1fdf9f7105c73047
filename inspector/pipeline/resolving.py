"""From targets to images: tags listed and chosen, manifests asked for, each image taken into the ledger once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

import msgspec

from inspector import work
from inspector.errors import InspectorError, NoImage, PlatformMissing
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline.budget import Budget, Spent
from inspector.pipeline.judging import Judge
from inspector.pipeline.listing import Asked, Errands, LastMade, Listed, Opened, ToList
from inspector.pipeline.pending import pending_of
from inspector.pipeline.reading import error_fact
from inspector.pipeline.scopes import Selection, Target
from inspector.pipeline.versions import newest
from inspector.pipeline.work_queue import State, WorkQueue
from inspector.policy.audited import Audited, Planned
from inspector.registry.names import RegistryName
from inspector.sources.image import Image
from inspector.sources.platforms import Wanted
from inspector.sources.registry.open import Registries, open_named, tags_of

R = TypeVar("R")


class Watch(Protocol):
    """Told how far an audit is; from any thread."""

    def listed(self, count: int) -> None:
        """So many more tags are to be asked for."""

    def opened(self) -> None:
        """One more tag was asked for."""

    def planned(self, plan: Planned) -> None:
        """All were; this is to be done."""

    def advanced(self, count: int) -> None:
        """So many more bytes of layers came."""

    def judged(self, name: str) -> None:
        """One more image is done."""


class Resolver:
    """Resolves all targets of one audit. `plan` counts what was met; `left` the tags that a bound left out."""

    def __init__(
        self,
        registries: Registries,
        judge: Judge,
        selection: Selection,
        wanted: Wanted,
        *,
        jobs: int,
        budget: Budget,
        seconds: float = work.DEFAULT_SECONDS,
    ) -> None:
        self._registries = registries
        self._judge = judge
        self._selection = selection
        self._wanted = wanted
        self._jobs = jobs
        self._budget = budget
        self._seconds = seconds
        self._repositories: set[str] = set()
        self.plan = Planned()
        self.left = 0

    def resolve(
        self, targets: Iterable[Target], ledger: WorkQueue, cache: IndexCache, watch: Watch | None, *, verify: bool
    ) -> Iterator[Audited]:
        """Take every image into the ledger; yields results for what could not be opened."""
        errands = Errands(self._names(targets, watch), ledger, self._jobs)

        def act(errand: Asked | ToList | Listed) -> Opened | Listed:
            if isinstance(errand, ToList):
                return self._list(errand, errands, watch)
            return self._open(errand) if isinstance(errand, Asked) else errand

        with work.SideBySide(act, errands, self._jobs, in_order=True, stop=self._registries.close) as results:
            for done in results:
                if isinstance(done, Listed):
                    self._count(filtered=done.filtered)
                    if done.cause is not None:
                        yield from self._failed(done.name, done.cause)
                    continue
                if watch:
                    watch.opened()
                for opened in self._chosen(done):
                    yield from self._met(opened)
                    for image in opened.images:
                        self._take(opened, image, ledger, cache, verify=verify)
        self._count(repositories=len(self._repositories))

    def _chosen(self, opened: Opened) -> list[Opened]:
        """What is to be judged, now that a tag was opened: it, or the last made once all of its kind were."""
        among = opened.asked.among
        if among is None:
            return [opened]
        chosen = among.add(opened)
        if among.is_complete:
            self._count(filtered=among.total - len(chosen))
        return chosen

    def _met(self, opened: Opened) -> Iterator[Audited]:
        self._count(tags=1)
        if opened.asked.listed and isinstance(opened.cause, NoImage):
            self._count(no_images=1)
        elif opened.cause is not None:
            yield from self._failed(str(opened.asked.name), opened.cause)

    def _failed(self, name: str, error: Exception) -> Iterator[Audited]:
        """The results for what could not be had."""
        if isinstance(error, Spent):
            self.left += 1
            return
        self._count(unreadable=1)
        yield from self._judge.failure(name, error)

    def _count(self, **more: int) -> None:
        counted = {name: getattr(self.plan, name) + count for name, count in more.items()}
        self.plan = msgspec.structs.replace(self.plan, **counted)

    def _take(self, opened: Opened, image: Image, ledger: WorkQueue, cache: IndexCache, *, verify: bool) -> None:
        name = opened.asked.name
        pending = pending_of(image, f"{name.host}/{name.repository}", opened.digest)
        needs = self._judge.needs_layers(image, str(name))
        for unit in ledger.add(pending, str(name), needs=needs):
            if cache.has(unit.diff_id, unit.digest, verified=verify):
                ledger.place(unit, State.KNOWN)

    def _names(self, targets: Iterable[Target], watch: Watch | None) -> Iterator[RegistryName | Listed]:
        """The repositories and images of all targets, and why registries can't be listed."""
        for target in targets:
            for name in [target.name] if target.name is not None else self._catalog(target):
                if isinstance(name, RegistryName):
                    self._repositories.add(f"{name.host}/{name.repository}")
                    _told(watch, 1 if name.tag or name.digest else 0)
                yield name

    def _catalog(self, target: Target) -> Iterator[RegistryName | Listed]:
        try:
            for repository in self._registries.client.catalog(target.host):
                if fnmatchcase(repository, target.pattern):
                    yield RegistryName(target.host, repository)
        except InspectorError as error:
            yield Listed(target.host, cause=error)

    def _list(self, errand: ToList, errands: Errands, watch: Watch | None) -> Listed:
        """Have the tags of a repository asked for that are selected, in the registry's order, or the newest first."""
        with ExitStack() as stack:
            return self._select(errand, errands, watch, stack)

    def _select(self, errand: ToList, errands: Errands, watch: Watch | None, stack: ExitStack) -> Listed:
        name = errand.name
        try:
            listed = self._asked(name.host, lambda: list(tags_of(name, self._registries, stack)))
        except InspectorError as error:
            errands.listed(errand, [])
            return Listed(str(name), cause=error)
        fitting = [tag for tag in listed if self._selection.fits(tag)]
        wanted = self._selection.newest
        among = None
        if wanted is not None and len(fitting) > wanted:
            found = newest(fitting, wanted)
            among = LastMade(len(fitting), wanted) if found is None else None
            fitting = fitting if found is None else found
        _told(watch, len(fitting))
        errands.listed(errand, fitting, among)
        return Listed(str(name), len(listed) - len(fitting))

    def _asked(self, host: str, ask: Callable[[], R]) -> R:
        """The answer of a registry, unless that is lost; what becomes of it counts for whether it is."""
        if self._budget.is_lost(host):
            raise Spent(f"{host} no longer answers")
        try:
            answer = ask()
        except Exception as error:
            self._budget.note(host, error_fact(error).kind)
            raise
        self._budget.note(host, "")
        return answer

    def _open(self, asked: Asked) -> Opened:
        roles = [] if self._wanted else self._judge.roles(str(asked.name))
        own = next((role.platform for role in roles if role.platform), None)
        try:
            with work.limited(self._seconds):
                images, digest = self._asked(asked.name.host, lambda: self._images(asked.name, own))
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            return Opened(asked, cause=error)
        return Opened(asked, tuple(images), digest)

    def _images(self, name: RegistryName, own: Platform | None) -> tuple[list[Image], str]:
        """The images for the platform asked for, else for the role's; one that is the only one is held against it."""
        try:
            return open_named(name, own or self._wanted, self._registries)
        except PlatformMissing:
            if own is None:
                raise
            images, digest = open_named(name, "all", self._registries)
            if len(images) != 1:
                raise
            return images, digest


def _told(watch: Watch | None, count: int) -> None:
    if watch and count:
        watch.listed(count)
