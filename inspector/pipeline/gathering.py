"""The facts of one image: those that are known by its content, else gathered from its layers, else from its files."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector.facts.known import Known, asked
from inspector.pipeline.access import AccessReader

if TYPE_CHECKING:
    from inspector.facts.model import ImageFacts
    from inspector.layers.blob import Meter
    from inspector.layers.indexer import Indexer
    from inspector.pipeline.model import Options, Question
    from inspector.sources.image import Image


class FactsReader:
    """Reads the images of one run, whose layers are `expected`, once for each time; from any thread."""

    def __init__(self, options: Options, meter: Meter, expected: Iterable[str]) -> None:
        self._options = options
        self._meter = meter
        self._expected = expected
        self._known = Known(options.cache, verify=options.verify)
        self._access = AccessReader(self, options.cache, verify=options.verify, meter=meter)

    def read(self, image: Image, question: Question) -> ImageFacts:
        """Return the facts. Raises what reading a layer raises, and `AccessUnusable`."""
        if image.access is not None:
            return self._access.read(image, image.access, question)
        return self.known(image, question) or self.gather(image, question)

    def known(self, image: Image, question: Question, by: str = "") -> ImageFacts | None:
        """Return the facts that are known already; none where an access method is forced, which is to be taken."""
        if question.access is not None:
            return None
        return self._known.find(image, _asked(question, by))

    def gather(self, image: Image, question: Question) -> ImageFacts:
        """Return the facts from the layers, and keep them; those of a part of this machine from its files."""
        if image.machine is not None:
            from inspector.facts.from_machine import gather_of_machine  # images have no need of it

            return gather_of_machine(
                image,
                image.machine,
                python=question.python,
                imports=question.imports,
                sizes=question.sizes,
                verify=self._options.verify,
            )
        from inspector.facts.from_layers import gather  # what is known is answered without it

        return gather(
            image,
            self._indexer,
            python=question.python,
            imports=question.imports,
            sizes=question.sizes,
            known=self._known,
        )

    def keep(self, image: Image, question: Question, facts: ImageFacts, by: str) -> None:
        """Keep facts that were found in another way than from the layers."""
        self._known.keep(image, _asked(question, by), facts, "")

    @functools.cached_property
    def _indexer(self) -> Indexer:
        from inspector.pipeline.shared import SharedIndexer

        cache, verify = self._options.cache, self._options.verify
        return SharedIndexer(cache, verify=verify, meter=self._meter, expected=self._expected)


def _asked(question: Question, by: str) -> str:
    """Return the question as its answer is kept; single files tell of packages only where these are asked for."""
    way = f"{by} with packages" if by and question.packages else by
    return asked(question.python, question.imports, sizes=question.sizes, by=way)
