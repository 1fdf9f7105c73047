"""From names to facts: every image opened and read, several at once, and no failure loses the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from inspector import work
from inspector.errors import UsageError
from inspector.pipeline.access import FactsReader
from inspector.pipeline.model import Asked, Job, Opened, Options, Progress, Seen
from inspector.reference import STDIN, Reference, Scheme
from inspector.sources.media import Media

if TYPE_CHECKING:
    from inspector.facts import ImageFacts

MAX_JOBS = 8
"""Images read at once unless told otherwise: more only wait for each other's disk and digests."""

T = TypeVar("T")
R = TypeVar("R")


class Reader:
    """Opens and reads the images of one run, which has its threads and connections; a second run needs a second one."""

    def __init__(self, options: Options, progress: Progress | None = None) -> None:
        self._options = options
        self._progress = progress or Progress()
        kept = options.cache.documents if options.cache is not None else None
        self._media = Media(
            offline=options.offline,
            insecure=options.insecure_registries,
            trust_toc=options.trust_toc,
            guess_registry=options.guess_registry,
            kept=kept,
            config=options.config,
            namespace=options.namespace,
        )

    def close(self) -> None:
        """Close the connections of the run."""
        self._media.close()

    def open(self, asked: Sequence[Asked]) -> list[Opened]:
        """Open all names, in their order.

        Raises `UsageError` where two are standard input, or a configuration is given for none of them.
        """
        if sum(isinstance(each.name, Reference) and each.name.name == STDIN for each in asked) > 1:
            raise UsageError("standard input (`-`) is named more than once, but can be read only once")
        self._refuse_config(asked)
        self._progress.add(names=len(asked))
        return self._side_by_side(self._open, asked)

    def read(self, jobs: Sequence[Job]) -> list[Seen]:
        """Read the facts of every image, in their order; a layer that several share is read once."""
        self._progress.add(images=len(jobs), size=self._unread(jobs) if self._progress.is_shown else 0)
        expected = [layer.diff_id for job in jobs for layer in job.image.layers]
        facts = FactsReader(self._options, self._progress.meter, expected)
        return self._side_by_side(lambda job: self._read(job, facts), jobs)

    def _refuse_config(self, asked: Sequence[Asked]) -> None:
        names = [each.name for each in asked if isinstance(each.name, Reference)]
        if self._options.config is not None and names and all(name.scheme is not Scheme.ROOTFS for name in names):
            raise UsageError(
                f"--config {self._options.config} is for root file systems (rootfs:PATH), which have no configuration; "
                f"{names[0]} has its own"
            )

    def _open(self, asked: Asked) -> Opened:
        assert isinstance(asked.name, Reference)
        platform = self._options.platform or (asked.role.platform if asked.role else None)
        from inspector.sources import open_images

        try:
            with work.limited(self._options.image_timeout):
                images = open_images(
                    asked.name,
                    platform,
                    meter=self._progress.meter,
                    media=self._media,
                    every_tag=self._options.every_tag,
                    expect=lambda count: self._progress.add(size=count),
                )
                return Opened(asked, images)
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            return Opened(asked, cause=error)
        finally:
            self._progress.add(opened=1)

    def _read(self, job: Job, reader: FactsReader) -> Seen:
        image, name = job.image, job.image.reference

        def read() -> ImageFacts:
            with work.limited(self._options.image_timeout):
                facts = reader.read(image, job.question)
            if not job.run:
                return facts
            from inspector.runtime.verify import verify  # few roles ask for a run

            return verify(image, facts, mode=self._options.runtime)

        self._progress.started(name)
        try:
            return Seen.by(name, read)
        finally:
            self._progress.finished(name)

    def _unread(self, jobs: Sequence[Job]) -> int:
        """Return the stored bytes of the layers that are neither read through already nor in the cache, each once."""
        cache, whole = self._options.cache, self._options.verify
        images = (job.image for job in jobs if job.image.access is None)
        layers = {each.diff_id: each for image in images for each in image.layers}
        unread = (each for each in layers.values() if not hasattr(each.blob, "found"))  # those were read on opening
        return sum(
            each.stored_size
            for each in unread
            if cache is None or not cache.has(each.diff_id, each.blob.identity, verified=whole)
        )

    def _side_by_side(self, action: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what `action` makes of each item, in order. An interruption drops what waits, and stops what runs."""
        workers = min(self._options.jobs or min(os.cpu_count() or 1, MAX_JOBS), len(items))
        if workers <= 1:
            return [action(item) for item in items]
        with work.SideBySide(action, items, workers, in_order=True, stop=self._media.close) as results:
            return list(results)
