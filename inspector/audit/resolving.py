"""From targets to images: tags listed and chosen, manifests asked for, each image taken into the ledger once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from inspector import work
from inspector.audit.budget import Budget, Spent
from inspector.audit.judging import Judge
from inspector.audit.ledger import Ledger, State
from inspector.audit.pending import pending_of
from inspector.audit.reading import error_fact
from inspector.audit.tags import Selection, Target
from inspector.audit.versions import newest
from inspector.errors import InspectorError, NoImage, NotFound, PlatformMissing
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.policy.audited import Audited, Planned, natural
from inspector.registry.names import RegistryName
from inspector.sources.image import Image
from inspector.sources.platforms import Wanted
from inspector.sources.registry.open import Registries, open_named, tags_of

_NEVER = datetime.min.replace(tzinfo=UTC)


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


class Asked(msgspec.Struct, frozen=True):
    """A tag or digest to ask for. `listed` ones came out of a list: what is no image is left out."""

    name: RegistryName
    listed: bool = True


class Opened(msgspec.Struct, frozen=True):
    """What a tag led to: the digest that it points at and the images there, or why there are none."""

    asked: Asked
    images: tuple[Image, ...] = ()
    digest: str = ""
    cause: Exception | None = None


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
        self._failed: list[tuple[str, Exception]] = []
        self._repositories: set[str] = set()
        self._filtered = 0
        self.plan = Planned()
        self.left = 0

    def resolve(
        self, targets: Iterable[Target], ledger: Ledger, cache: IndexCache, watch: Watch | None, *, verify: bool
    ) -> Iterator[Audited]:
        """Take every image into the ledger; yields results for what could not be opened."""
        tags = no_images = unreadable = 0
        with self._all(self._asked(targets, watch)) as results:
            for opened in results:
                yield from self._told()
                tags += 1
                if watch:
                    watch.opened()
                if isinstance(opened.cause, Spent):
                    self.left += 1
                elif opened.asked.listed and isinstance(opened.cause, NoImage):
                    no_images += 1
                elif opened.cause is not None:
                    unreadable += 1
                    yield from self._judge.failure(str(opened.asked.name), opened.cause)
                for image in opened.images:
                    self._take(opened, image, ledger, cache, verify=verify)
        yield from self._told()
        self.plan = Planned(
            repositories=len(self._repositories),
            tags=tags,
            filtered=self._filtered,
            no_images=no_images,
            unreadable=unreadable + self.plan.unreadable,
        )

    def _take(self, opened: Opened, image: Image, ledger: Ledger, cache: IndexCache, *, verify: bool) -> None:
        name = opened.asked.name
        pending = pending_of(image, f"{name.host}/{name.repository}", opened.digest)
        needs = self._judge.needs_layers(image, str(name))
        for unit in ledger.add(pending, str(name), needs=needs):
            if cache.has(unit.diff_id, unit.digest, verified=verify):
                ledger.place(unit, State.KNOWN)

    def _told(self) -> Iterator[Audited]:
        """The results for lists that could not be had."""
        while self._failed:
            name, error = self._failed.pop(0)
            if isinstance(error, Spent):
                self.left += 1
                continue
            self.plan = msgspec.structs.replace(self.plan, unreadable=self.plan.unreadable + 1)
            yield from self._judge.failure(name, error)

    def _asked(self, targets: Iterable[Target], watch: Watch | None) -> Iterator[Asked]:
        for target in targets:
            for name in self._repositories_of(target):
                self._repositories.add(f"{name.host}/{name.repository}")
                if name.tag or name.digest:
                    yield _counted(Asked(name, listed=False), watch)
                    continue
                for tag in self._chosen(name):
                    yield _counted(Asked(name.tagged(tag)), watch)

    def _repositories_of(self, target: Target) -> Iterator[RegistryName]:
        if target.name is not None:
            yield target.name
            return
        try:
            for repository in self._registries.client.catalog(target.host):
                if fnmatchcase(repository, target.pattern):
                    yield RegistryName(target.host, repository)
        except InspectorError as error:
            self._failed.append((target.host, error))

    def _chosen(self, name: RegistryName) -> list[str]:
        """The tags of a repository that are asked for, in the registry's order, or the newest first."""
        try:
            listed = tags_of(name, self._registries)
        except InspectorError as error:
            self._failed.append((str(name), error))
            return []
        fitting = [tag for tag in listed if self._selection.fits(tag)]
        wanted = self._selection.newest
        if wanted is not None and len(fitting) > wanted:
            found = newest(fitting, wanted)
            fitting = self._last_made(name, fitting, wanted) if found is None else found
        self._filtered += len(listed) - len(fitting)
        return fitting

    def _last_made(self, name: RegistryName, tags: list[str], count: int) -> list[str]:
        """The tags of the images that were made last, by what their configs say; what can't be opened comes first.

        What is no image is left out.
        """
        made: list[tuple[datetime, tuple[tuple[str, int], ...], str]] = []
        failed: list[str] = []
        asked = (Asked(name.tagged(tag)) for tag in tags)
        with self._all(asked) as results:
            for opened in results:
                tag = opened.asked.name.target
                if opened.images:
                    made.append((max(_made(image) for image in opened.images), natural(tag), tag))
                elif not isinstance(opened.cause, (NoImage, NotFound)):
                    failed.append(tag)
        return [*failed, *(tag for *_, tag in sorted(made, reverse=True)[:count])]

    def _all(self, asked: Iterable[Asked]) -> work.SideBySide[Opened]:
        return work.SideBySide(self._open, asked, self._jobs, in_order=True, stop=self._registries.close)

    def _open(self, asked: Asked) -> Opened:
        roles = [] if self._wanted else self._judge.roles(str(asked.name))
        own = next((role.platform for role in roles if role.platform), None)
        host = asked.name.host
        if self._budget.is_lost(host):
            return Opened(asked, cause=Spent(f"{host} no longer answers"))
        try:
            with work.limited(self._seconds):
                images, digest = self._images(asked.name, own)
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            self._budget.note(host, error_fact(error).kind)
            return Opened(asked, cause=error)
        self._budget.note(host, "")
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


def _counted(asked: Asked, watch: Watch | None) -> Asked:
    if watch:
        watch.listed(1)
    return asked


def _made(image: Image) -> datetime:
    """When the image was made, as its config says; long ago where it doesn't."""
    try:
        made = datetime.fromisoformat(image.config.created)
    except (TypeError, ValueError):
        return _NEVER
    return made if made.tzinfo else made.replace(tzinfo=UTC)
