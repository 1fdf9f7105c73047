"""From references to facts: every image opened and read, several at once, and no failure loses the others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec

from inspector import work
from inspector.errors import InspectorError, UsageError
from inspector.facts import ImageFacts, gather
from inspector.layers.blob import Meter
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline.access import AccessReader, Question
from inspector.pipeline.shared import SharedIndexer
from inspector.policy.model import ErrorFact
from inspector.reference import STDIN, Reference, parse_reference
from inspector.runtime.verify import Mode, verify
from inspector.sources import open_images
from inspector.sources.access import AccessMethod
from inspector.sources.image import Image
from inspector.sources.media import Media

MAX_JOBS = 8
"""Images read at once unless told otherwise: more only wait for each other's disk and digests."""

T = TypeVar("T")
R = TypeVar("R")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to read images.

    `platform` "all" takes every one; `role` names the one that `check` holds every image against, `python` beats
    its command; `jobs` 0 means as many as there are processors, up to `MAX_JOBS`. `verify` reads every layer whole
    and checks its digests; `offline` never leaves the machine. Of engines' images, `access` allows no other, and
    `every_tag` takes names for repositories; `runtime` says whether `check` runs a container where a role asks for
    CUDA at run time. The registries `insecure_registries` may be asked without verified TLS. `image_timeout` bounds
    the time of one image in seconds, beside what its bytes justify (`work.limits`).
    """

    platform: Platform | Literal["all"] | None = None
    role: str | None = None
    python: str | None = None
    jobs: int = 0
    verify: bool = False
    cache: IndexCache | None = None
    offline: bool = False
    access: AccessMethod | None = None
    every_tag: bool = False
    runtime: Mode = "auto"
    insecure_registries: tuple[str, ...] = ()
    image_timeout: float = work.DEFAULT_SECONDS


DEFAULTS = Options()


class Progress(Protocol):
    """Told how far the work is, from any thread; `count` is in stored bytes, read or skipped."""

    def started(self, name: str) -> None:
        """The image `name` is being read."""

    def advanced(self, count: int) -> None:
        """So many more bytes, of whichever image."""

    def finished(self, name: str) -> None:
        """The image `name` is done, well or badly."""


class Seen(msgspec.Struct, frozen=True):
    """What became of one image: its facts, or why there are none. `name` is the reference that it was read by."""

    name: str
    facts: ImageFacts | None = None
    error: ErrorFact | None = None
    cause: Exception | None = None


class Asked(msgspec.Struct, frozen=True):
    """A reference to open, and the platform to take of it."""

    reference: Reference
    platform: Platform | Literal["all"] | None = None


class Opened(msgspec.Struct, frozen=True):
    """The images of one reference, or why there are none."""

    asked: Asked
    images: tuple[Image, ...] = ()
    cause: Exception | None = None


class Job(msgspec.Struct, frozen=True):
    """An image to read, what is asked of it, and whether it is to be run besides."""

    image: Image
    question: Question
    run: bool = False

    def wholly(self, why: str) -> Job:
        """The same image to be read whole, for what a glance left open; it is not run again."""
        return Job(self.image, msgspec.structs.replace(self.question, whole=why))


class Surveyor:
    """One run: its threads, its progress, its options. A second run needs a second one."""

    def __init__(self, options: Options, progress: Progress | None = None) -> None:
        self._options = options
        self._progress = progress
        kept = options.cache.documents if options.cache is not None else None
        insecure = options.insecure_registries
        self._media = Media(offline=options.offline, insecure=insecure, kept=kept)

    def close(self) -> None:
        """Close the connections of the run."""
        self._media.close()

    def open(self, asked: Sequence[Asked]) -> list[Opened]:
        """Every reference opened, in the order asked. Raises `UsageError` where two are standard input."""
        if sum(each.reference.name == STDIN for each in asked) > 1:
            raise UsageError("standard input (`-`) is named more than once, but can be read only once")
        return self._side_by_side(self._open, asked)

    def read(self, jobs: Sequence[Job]) -> list[Seen]:
        """The facts of every image, in the order asked; a layer that several share is read once."""
        expected = [layer.diff_id for job in jobs for layer in job.image.layers]
        cache, verify, meter = self._options.cache, self._options.verify, self._meter()
        indexer = SharedIndexer(cache, verify=verify, meter=meter, expected=expected)
        access = AccessReader(indexer, cache, verify=verify, meter=meter)
        return self._side_by_side(lambda job: self._read(job, indexer, access), jobs)

    def _open(self, asked: Asked) -> Opened:
        try:
            with work.limited(self._options.image_timeout):
                return Opened(asked, self._images(asked))
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            return Opened(asked, cause=error)

    def _images(self, asked: Asked) -> tuple[Image, ...]:
        return open_images(
            asked.reference,
            asked.platform,
            meter=self._meter(),
            media=self._media,
            every_tag=self._options.every_tag,
        )

    def _read(self, job: Job, indexer: SharedIndexer, access: AccessReader) -> Seen:
        image, name = job.image, job.image.reference
        if self._progress:
            self._progress.started(name)
        try:
            with work.limited(self._options.image_timeout):
                if image.access is None:
                    facts = gather(image, indexer, python=job.question.python)
                else:
                    facts = access.read(image, image.access, job.question)
            return Seen(name, verify(image, facts, mode=self._options.runtime) if job.run else facts)
        except Exception as error:  # noqa: BLE001 - one bad image never ends the run
            return Seen(name, error=error_fact(error), cause=error)
        finally:
            if self._progress:
                self._progress.finished(name)

    def _meter(self) -> Meter:
        advanced = self._progress.advanced if self._progress else None

        def meter(count: int) -> None:
            work.advance(count)
            if advanced:
                advanced(count)

        return meter

    def _side_by_side(self, action: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """`action` on every item, in order. An interruption drops what waits, and stops what runs."""
        workers = min(self._options.jobs or min(os.cpu_count() or 1, MAX_JOBS), len(items))
        if workers <= 1:
            return [action(item) for item in items]
        with work.SideBySide(action, items, workers, in_order=True, stop=self._media.close) as results:
            return list(results)


def survey(
    references: Sequence[Reference], options: Options = DEFAULTS, progress: Progress | None = None
) -> tuple[Seen, ...]:
    """The facts of all images that the references name, in their order; whatever fails says so in its place."""
    question = Question(python=options.python or "python", whole="every fact is asked for", access=options.access)
    with contextlib.closing(Surveyor(options, progress)) as surveyor:
        opened = surveyor.open([Asked(reference, options.platform) for reference in references])
        read = iter(surveyor.read([Job(image, question) for each in opened for image in each.images]))
    seen: list[Seen] = []
    for each in opened:
        if each.cause is not None:
            seen.append(Seen(str(each.asked.reference), error=error_fact(each.cause), cause=each.cause))
        seen += [next(read) for _ in each.images]
    return tuple(seen)


def inspect(reference: Reference | str, options: Options = DEFAULTS) -> ImageFacts:
    """The facts of one image. Raises what reading it raises, and `UsageError` where the reference names several."""
    asked = parse_reference(reference) if isinstance(reference, str) else reference
    seen = survey([asked], options)
    for each in seen:
        if each.cause is not None:
            raise each.cause
    facts = [each.facts for each in seen if each.facts is not None]
    if len(facts) != 1:
        names = ", ".join(each.name for each in seen)
        raise UsageError(f"{asked}: holds {len(facts)} images ({names}); name one of them")
    return facts[0]


def error_fact(error: Exception) -> ErrorFact:
    """The error's kind and sentence; one that nobody foresaw is an `internal-error`, with its type and place."""
    if isinstance(error, InspectorError):
        return ErrorFact(error.kind, str(error))
    if isinstance(error, OSError):
        return ErrorFact("unreadable", str(error))
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" (at {Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return ErrorFact("internal-error", f"{type(error).__name__}: {error}{place}")
