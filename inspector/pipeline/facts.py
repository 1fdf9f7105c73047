"""The facts of images, without a verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from inspector.facts import ImageFacts
from inspector.pipeline.model import DEFAULTS, Asked, Job, Opened, Options, Progress, Question, Seen, parse_all
from inspector.pipeline.reading import Reader
from inspector.reference import Reference

if TYPE_CHECKING:
    from inspector.sources.image import Image


def survey(
    references: Sequence[Reference | str], options: Options = DEFAULTS, progress: Progress | None = None
) -> tuple[Seen, ...]:
    """Read the facts of all images that the references name, in their order; whatever fails says so in its place."""
    return tuple(seen for _, seen in read_each(references, options, progress, whole="every fact is asked for"))


def inspect(reference: Reference | str, options: Options = DEFAULTS) -> ImageFacts:
    """Read the facts of one image. Raises what reading it raises, and `UsageError` where there are several.

    >>> inspect("docker-archive:api.tar").torch.build
    'cpu'
    """
    seen = survey([reference], options)
    for each in seen:
        if each.cause is not None:
            raise each.cause
    facts = [each.facts for each in seen if each.facts is not None]
    if len(facts) != 1:
        names = ", ".join(each.name for each in seen)
        raise UsageError(f"{reference}: holds {len(facts)} images ({names}); name one of them")
    return facts[0]


def read_each(
    references: Sequence[Reference | str],
    options: Options,
    progress: Progress | None,
    *,
    whole: str = "",
    accept: Callable[[Opened], None] = lambda _: None,
) -> Iterator[tuple[Image | None, Seen]]:
    """Yield each image with what was seen of it; connections last until the end. `accept` may refuse what was opened.

    `whole` says why single files of an engine's image don't do.
    """
    question = Question(
        python=options.python or "python",
        whole=whole,
        access=options.access,
        imports=options.imports,
        sizes=options.sizes,
    )
    with contextlib.closing(Reader(options, progress)) as reader:
        opened = reader.open([Asked(name=reference) for reference in parse_all(references)])
        for each in opened:
            accept(each)
        read = iter(reader.read([Job(image, question) for each in opened for image in each.images]))
        for each in opened:
            if each.cause is not None:
                yield None, Seen.failed(str(each.asked.name), each.cause)
            for image in each.images:
                yield image, next(read)
