"""The choice among an engine's access methods: the fastest that answers the question, then the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import msgspec

from inspector import log, work
from inspector.errors import Malformed, Refused
from inspector.sources.access import AccessUnusable
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.facts.model import ImageFacts
    from inspector.layers.blob import Meter
    from inspector.layers.cache import IndexCache
    from inspector.pipeline.model import Question
    from inspector.sources.image import Access, Image


class Way(msgspec.Struct, frozen=True):
    """An access method by its name, and what gives the facts by it."""

    name: str
    take: Callable[[], ImageFacts]


class Facts(Protocol):
    """The facts of an image whose layers, or whose content, can be had."""

    def known(self, image: Image, question: Question, by: str = "") -> ImageFacts | None:
        """Return the facts that are known by content; `by` names a way that tells less than all layers do."""

    def gather(self, image: Image, question: Question) -> ImageFacts:
        """Return the facts from the layers."""

    def keep(self, image: Image, question: Question, facts: ImageFacts, by: str) -> None:
        """Keep the facts for `known`."""


class AccessReader:
    """Reads engine's images by whichever access method leads to them; from any thread."""

    def __init__(self, facts: Facts, cache: IndexCache | None, *, verify: bool, meter: Meter) -> None:
        self._facts = facts
        self._cache = cache
        self._verify = verify
        self._meter = meter

    def read(self, image: Image, access: Access, question: Question) -> ImageFacts:
        """Read the facts by the first access method that can; `Evidence.passed_over` says why others could not.

        Raises `AccessUnusable` where none does, and what reading a layer raises.
        """
        begun = time.perf_counter()
        passed: list[str] = []
        for way in chain(self._known(access, question), self._ways(image, access, question, passed)):
            work.check()
            try:
                facts = way.take()
                work.check()  # a limit that was met on the way may have been taken for one unreadable file
            except (AccessUnusable, Refused) as error:
                passed.append(f"{way.name}: {error}")
                continue
            seconds = round(time.perf_counter() - begun, 3)
            self._tell(image, passed)
            log.info("pipeline", "%s: read by the access method %s in %.3f s", image.reference, way.name, seconds)
            evidence = msgspec.structs.replace(
                facts.evidence, access=way.name, passed_over=tuple(passed), seconds=seconds
            )
            named = {"reference": image.reference, "source": image.source, "tags": image.tags or facts.tags}
            return msgspec.structs.replace(facts, evidence=evidence, **named)
        self._tell(image, passed)
        raise AccessUnusable(f"{image.reference}: no way to its bytes; {'; '.join(passed)}")

    def _tell(self, image: Image, passed: list[str]) -> None:
        for why in passed:
            log.info("pipeline", "%s: access method passed over: %s", image.reference, why)

    def _known(self, access: Access, question: Question) -> Iterator[Way]:
        """Yield the facts that are known of what lies in the engine's storage, of which little is to be read."""
        if self._cache is None or self._verify or question.access is not None:
            return
        there = access.at_hand()
        found = self._facts.known(there, question) if there is not None else None
        if found is not None:
            yield Way("storage", lambda: found)

    def _ways(self, image: Image, access: Access, question: Question, passed: list[str]) -> Iterator[Way]:
        """Yield the access methods worth trying, best first; what is left out of them is noted in `passed`."""
        if question.access is not None:
            yield self._forced(image, access, question)
            return
        whole = question.whole or self._needs_whole(access)
        single = Way("files", lambda: self._single(image, access, question))
        try:
            stored: Image | None = access.storage()
        except (AccessUnusable, Malformed) as error:  # an engine may be at work in its files
            passed.append(f"storage: {error}")
            stored = None
        known = self._facts.known(stored or image, question)
        if known is not None:
            yield Way("storage" if stored is not None else "cache", lambda: known)
        dear = stored is not None and self._must_unpack(stored)
        if dear and not whole:
            yield single
        if stored is not None:
            yield Way("storage", partial(self._facts.gather, stored, question))
        if self._knows_all(image):
            yield Way("cache", lambda: self._facts.gather(access.told(), question))
        if whole:
            passed.append(f"files: {whole}")
        elif not dear:
            yield single
        yield Way("save", lambda: self._saved(access, question))
        if (whole or question.packages) and not self._verify:
            yield Way("files", lambda: self._inspect_partially(image, access, question, whole=True))

    def _needs_whole(self, access: Access) -> str:
        """Say why single files don't do, whatever the question; empty where they may."""
        if self._verify:
            return "every digest is to be checked"
        podman = access.engine is not None and access.engine.kind == "podman"
        return "Podman takes longer for single files than for them all" if podman else ""

    def _forced(self, image: Image, access: Access, question: Question) -> Way:
        match question.access:
            case "storage":
                return Way("storage", lambda: self._facts.gather(access.storage(), question))
            case "files":
                return Way(
                    "files",
                    lambda: self._inspect_partially(
                        image, access, question, whole=bool(question.whole or question.packages)
                    ),
                )
            case _:
                return Way("save", lambda: self._saved(access, question))

    def _must_unpack(self, image: Image) -> bool:
        """Tell whether packed layers are to be read through, which takes seconds."""
        return any(layer.compressed and not layer.walked and not self._knows(layer.diff_id) for layer in image.layers)

    def _knows_all(self, image: Image) -> bool:
        return all(self._knows(layer.diff_id) for layer in image.layers)

    def _knows(self, digest: str) -> bool:
        return self._cache is not None and self._cache.knows(digest)

    def _saved(self, access: Access, question: Question) -> ImageFacts:
        return self._facts.gather(access.saved(known=self._knows, meter=self._meter), question)

    def _single(self, image: Image, access: Access, question: Question) -> ImageFacts:
        """Inspect partially, unless that was done before by this engine; an image's id tells its content."""
        by = f"files of {access.engine.endpoint}" if access.engine is not None else "files"
        known = self._facts.known(image, question, by)
        if known is not None:
            return known
        facts = self._inspect_partially(image, access, question)
        decided = facts.torch.importable != "unknown" and not isinstance(facts.interpreter, Unknown)
        if decided and not question.imports:
            own = tuple(each for each in facts.warnings if each not in image.warnings)
            self._facts.keep(image, question, msgspec.structs.replace(facts, warnings=own), by)
        return facts

    def _inspect_partially(
        self, image: Image, access: Access, question: Question, *, whole: bool = False
    ) -> ImageFacts:
        if self._verify:
            raise AccessUnusable("single files prove no digest, and every one is to be checked")
        from inspector.facts.imports import unseen_imports
        from inspector.facts.partial import inspect_partially

        with access.container() as files:
            facts = inspect_partially(
                image, files, python=question.python, whole=whole, packages="" if whole else question.packages
            )
        unseen = (
            Unknown("only single files were looked at: `--access save` reads the layers") if question.sizes else None
        )
        return msgspec.structs.replace(facts, imports=unseen_imports(question.imports), sizes=unseen, waste=unseen)
