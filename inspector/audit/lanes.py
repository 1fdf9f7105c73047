"""The choice among an engine's lanes: the fastest that answers the question, and the next where one does not lead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from inspector import work
from inspector.errors import Malformed, Refused
from inspector.facts import ImageFacts, gather
from inspector.facts.glance import glance
from inspector.layers.blob import Meter
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.sources.image import Image, Lanes
from inspector.sources.lanes import Lane, LaneUnusable


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an image: as whose `python`, and `whole`, why single files don't do; empty where they may.

    `lane` allows no other.
    """

    python: str = "python"
    whole: str = ""
    lane: Lane | None = None


class Way(msgspec.Struct, frozen=True):
    """How to take a lane: its name, and what gives the facts by it."""

    name: str
    take: Callable[[], ImageFacts]


class LaneReader:
    """Reads engine's images by whichever lane leads to them; from any thread."""

    def __init__(self, indexer: Indexer, cache: IndexCache | None, *, verify: bool, meter: Meter) -> None:
        self._indexer = indexer
        self._cache = cache
        self._verify = verify
        self._meter = meter

    def read(self, image: Image, lanes: Lanes, question: Question) -> ImageFacts:
        """The facts by the first lane that leads to them; `Evidence.passed_over` says why those before it did not.

        Raises `LaneUnusable` where none does, and what reading a layer raises.
        """
        begun = time.perf_counter()
        passed: list[str] = []
        for way in self._ways(image, lanes, question, passed):
            work.check()
            try:
                facts = way.take()
                work.check()  # a limit that was met on the way may have been taken for one unreadable file
            except (LaneUnusable, Refused) as error:
                passed.append(f"{way.name}: {error}")
                continue
            seconds = round(time.perf_counter() - begun, 3)
            evidence = msgspec.structs.replace(
                facts.evidence, lane=way.name, passed_over=tuple(passed), seconds=seconds
            )
            named = {"reference": image.reference, "source": image.source, "tags": image.tags or facts.tags}
            return msgspec.structs.replace(facts, evidence=evidence, **named)
        raise LaneUnusable(f"{image.reference}: no way to its bytes; {'; '.join(passed)}")

    def _ways(self, image: Image, lanes: Lanes, question: Question, passed: list[str]) -> Iterator[Way]:
        """The lanes worth trying, best first; what is left out of them is noted in `passed`."""
        if question.lane is not None:
            yield self._forced(image, lanes, question)
            return
        whole = question.whole or self._needs_whole(lanes)
        single = Way("archive", lambda: self._glance(image, lanes, question))
        try:
            stored: Image | None = lanes.storage()
        except (LaneUnusable, Malformed) as error:  # an engine may be at work in its files
            passed.append(f"storage: {error}")
            stored = None
        dear = stored is not None and self._must_unpack(stored)
        if dear and not whole:
            yield single
        if stored is not None:
            yield Way("storage", partial(self._gather, stored, question))
        if self._knows_all(image):
            yield Way("cache", lambda: self._gather(lanes.told(), question))
        if whole:
            passed.append(f"archive: {whole}")
        elif not dear:
            yield single
        yield Way("save", lambda: self._saved(lanes, question))
        if whole and not self._verify:
            yield Way("archive", lambda: self._glance(image, lanes, question, whole=True))

    def _needs_whole(self, lanes: Lanes) -> str:
        """Why single files don't do, whatever the question; empty where they may."""
        if self._verify:
            return "every digest is to be checked"
        podman = lanes.engine is not None and lanes.engine.kind == "podman"
        return "Podman takes longer for single files than for them all" if podman else ""

    def _forced(self, image: Image, lanes: Lanes, question: Question) -> Way:
        match question.lane:
            case "storage":
                return Way("storage", lambda: self._gather(lanes.storage(), question))
            case "archive":
                return Way("archive", lambda: self._glance(image, lanes, question, whole=bool(question.whole)))
            case _:
                return Way("save", lambda: self._saved(lanes, question))

    def _must_unpack(self, image: Image) -> bool:
        """Whether packed layers are to be read through, which takes seconds."""
        return any(layer.compressed and not layer.walked and not self._knows(layer.diff_id) for layer in image.layers)

    def _knows_all(self, image: Image) -> bool:
        return all(self._knows(layer.diff_id) for layer in image.layers)

    def _knows(self, digest: str) -> bool:
        return self._cache is not None and self._cache.knows(digest)

    def _gather(self, image: Image, question: Question) -> ImageFacts:
        return gather(image, self._indexer, python=question.python)

    def _saved(self, lanes: Lanes, question: Question) -> ImageFacts:
        return self._gather(lanes.saved(known=self._knows, meter=self._meter), question)

    def _glance(self, image: Image, lanes: Lanes, question: Question, *, whole: bool = False) -> ImageFacts:
        if self._verify:
            raise LaneUnusable("single files prove no digest, and every one is to be checked")
        with lanes.container() as files:
            return glance(image, files, python=question.python, whole=whole)
