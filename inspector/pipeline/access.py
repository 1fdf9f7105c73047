"""The facts of one image: known by its content, from its layers, or by the best of an engine's access methods."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from inspector import log, work
from inspector.errors import Malformed, Refused
from inspector.facts.known import Known, asked
from inspector.sources.access import AccessUnusable
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.facts.model import ImageFacts
    from inspector.layers.blob import Meter
    from inspector.pipeline.model import Options, Question
    from inspector.pipeline.shared import SharedIndexer
    from inspector.sources.image import Access, Image


class FactsReader:
    """Reads the images of one run; from any thread. `expected` are the diff_ids of their layers, one for each use."""

    def __init__(self, options: Options, meter: Meter, expected: Iterable[str]) -> None:
        self.options = options
        self.meter = meter
        self._expected = expected
        self._known = Known(options.cache, verify=options.verify)

    def read(self, image: Image, question: Question) -> ImageFacts:
        """Return the facts. Raises what reading a layer raises, and `AccessUnusable`."""
        if image.access is not None:
            return AccessReader(self, image, image.access, question).read()
        return self.known(image, question) or self.gather(image, question)

    def known(self, image: Image, question: Question, by: str = "") -> ImageFacts | None:
        """Return the facts that the cache has; None where an access method is forced, since that one is to be used.

        `by` names an access method that finds out less than reading all layers does.
        """
        if question.access is not None:
            return None
        return self._known.find(image, _asked(question, by))

    def gather(self, image: Image, question: Question) -> ImageFacts:
        """Return the facts from the layers, and keep them; those of a part of this machine from its files."""
        python, imports, sizes = question.python, question.imports, question.sizes
        if image.machine is not None:
            from inspector.facts.from_machine import gather_of_machine  # images don't need it

            verify = self.options.verify
            return gather_of_machine(image, image.machine, python=python, imports=imports, sizes=sizes, verify=verify)
        with self._reading_ahead(image):
            from inspector.facts.from_layers import gather  # what the cache has is answered without it

            return gather(image, self._indexer, python=python, imports=imports, sizes=sizes, known=self._known)

    def _reading_ahead(self, image: Image) -> AbstractContextManager[None]:
        further = self.options.meanwhile
        if further is None:
            return nullcontext()

        def meanwhile() -> None:
            from inspector.facts.from_layers import prepare

            prepare()
            further()

        return self._indexer.reading_ahead(image.layers, meanwhile)

    def keep(self, image: Image, question: Question, facts: ImageFacts, by: str) -> None:
        """Keep facts that were found in another way than from the layers."""
        self._known.keep(image, _asked(question, by), facts, "")

    @functools.cached_property
    def _indexer(self) -> SharedIndexer:
        from inspector.pipeline.shared import SharedIndexer

        cache, verify = self.options.cache, self.options.verify
        return SharedIndexer(cache, verify=verify, meter=self.meter, expected=self._expected)


def _asked(question: Question, by: str) -> str:
    """Return the key of the answer in the cache; single files tell of packages only where these are asked for."""
    way = f"{by} with packages" if by and question.packages else by
    return asked(question.python, question.imports, sizes=question.sizes, by=way)


class Way(msgspec.Struct, frozen=True):
    """An access method by its name, and what gives the facts by it."""

    name: str
    take: Callable[[], ImageFacts]


class AccessReader:
    """Reads an engine's image by the fastest access method that can, falling back to the next."""

    def __init__(self, reader: FactsReader, image: Image, access: Access, question: Question) -> None:
        self._reader = reader
        self._image = image
        self._access = access
        self._question = question
        self._cache = reader.options.cache
        self._verify = reader.options.verify
        self._passed: list[str] = []

    def read(self) -> ImageFacts:
        """Read the facts by the first access method that can; `Evidence.passed_over` says why others could not.

        Raises `AccessUnusable` where none does, and what reading a layer raises.
        """
        begun = time.perf_counter()
        image = self._image
        for way in chain(self._known(), self._ways()):
            work.check()
            try:
                facts = way.take()
                work.check()  # a limit that was met on the way may have been taken for one unreadable file
            except (AccessUnusable, Refused) as error:
                self._passed.append(f"{way.name}: {error}")
                continue
            seconds = round(time.perf_counter() - begun, 3)
            self._tell()
            log.info("pipeline", "%s: read by the access method %s in %.3f s", image.reference, way.name, seconds)
            evidence = msgspec.structs.replace(
                facts.evidence, access=way.name, passed_over=tuple(self._passed), seconds=seconds
            )
            named = {"reference": image.reference, "source": image.source, "tags": image.tags or facts.tags}
            return msgspec.structs.replace(facts, evidence=evidence, **named)
        self._tell()
        raise AccessUnusable(f"{image.reference}: no way to its bytes; {'; '.join(self._passed)}")

    def _tell(self) -> None:
        for why in self._passed:
            log.info("pipeline", "%s: access method passed over: %s", self._image.reference, why)

    def _known(self) -> Iterator[Way]:
        """Yield the facts that the cache has of the engine's layers, found by their identity in its storage alone."""
        if self._cache is None or self._verify or self._question.access is not None:
            return
        there = self._access.at_hand()
        found = self._reader.known(there, self._question) if there is not None else None
        if found is not None:
            yield Way("storage", lambda: found)

    def _ways(self) -> Iterator[Way]:
        """Yield the access methods worth trying, fastest first; note why the others are passed over."""
        if self._question.access is not None:
            yield self._forced()
            return
        whole = self._question.whole or self._needs_whole()
        try:
            stored: Image | None = self._access.storage()
        except (AccessUnusable, Malformed) as error:  # an engine may be at work in its files
            self._passed.append(f"storage: {error}")
            stored = None
        known = self._reader.known(stored or self._image, self._question)
        if known is not None:
            yield Way("storage" if stored is not None else "cache", lambda: known)
        is_slow = stored is not None and self._must_unpack(stored)
        if is_slow and not whole:
            yield Way("files", self._single)
        if stored is not None:
            yield Way("storage", functools.partial(self._gather, stored))
        if all(self._knows(layer.diff_id) for layer in self._image.layers):
            yield Way("cache", lambda: self._gather(self._access.told()))
        if whole:
            self._passed.append(f"files: {whole}")
        elif not is_slow:
            yield Way("files", self._single)
        yield Way("save", self._saved)
        if (whole or self._question.packages) and not self._verify:
            yield Way("files", lambda: self._inspect_partially(whole=True))

    def _needs_whole(self) -> str:
        """Say why single files don't do, whatever the question; empty where they may."""
        if self._verify:
            return "every digest is to be checked"
        podman = self._access.engine is not None and self._access.engine.kind == "podman"
        return "Podman takes longer for single files than for them all" if podman else ""

    def _forced(self) -> Way:
        match self._question.access:
            case "storage":
                return Way("storage", lambda: self._gather(self._access.storage()))
            case "files":
                whole = bool(self._question.whole or self._question.packages)
                return Way("files", lambda: self._inspect_partially(whole=whole))
            case _:
                return Way("save", self._saved)

    def _must_unpack(self, image: Image) -> bool:
        """Tell whether packed layers are to be read through, which takes seconds."""
        return any(layer.compressed and not layer.walked and not self._knows(layer.diff_id) for layer in image.layers)

    def _knows(self, digest: str) -> bool:
        return self._cache is not None and self._cache.knows(digest)

    def _gather(self, image: Image) -> ImageFacts:
        return self._reader.gather(image, self._question)

    def _saved(self) -> ImageFacts:
        return self._gather(self._access.saved(known=self._knows, meter=self._reader.meter))

    def _single(self) -> ImageFacts:
        """Inspect partially, unless the cache has what this engine's files told of an image with this id."""
        engine, image, question = self._access.engine, self._image, self._question
        by = f"files of {engine.endpoint}" if engine is not None else "files"
        known = self._reader.known(image, question, by)
        if known is not None:
            return known
        facts = self._inspect_partially()
        decided = facts.torch.importable != "unknown" and not isinstance(facts.interpreter, Unknown)
        if decided and not question.imports:
            own = tuple(each for each in facts.warnings if each not in image.warnings)
            self._reader.keep(image, question, msgspec.structs.replace(facts, warnings=own), by)
        return facts

    def _inspect_partially(self, *, whole: bool = False) -> ImageFacts:
        if self._verify:
            raise AccessUnusable("single files prove no digest, and every one is to be checked")
        from inspector.facts.imports import unseen_imports
        from inspector.facts.partial import inspect_partially

        question = self._question
        packages = "" if whole else question.packages
        with self._access.container() as files:
            facts = inspect_partially(self._image, files, python=question.python, whole=whole, packages=packages)
        why = "only single files were looked at: `--access save` reads the layers"
        unseen = Unknown(why) if question.sizes else None
        return msgspec.structs.replace(facts, imports=unseen_imports(question.imports), sizes=unseen, waste=unseen)
