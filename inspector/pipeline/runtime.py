"""From references to facts with a run beside them: images of engines, read and then run, one at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import UsageError
from inspector.pipeline.access import Question
from inspector.pipeline.reading import DEFAULTS, Asked, Job, Opened, Options, Progress, Seen, Surveyor, error_fact
from inspector.reference import STDIN, Reference, Scheme
from inspector.runtime.verify import verify

if TYPE_CHECKING:
    from inspector.runtime.run import Gpu
    from inspector.runtime.sandbox import Limits


def run(
    references: Sequence[Reference],
    options: Options = DEFAULTS,
    progress: Progress | None = None,
    *,
    gpu: Gpu = "auto",
    limits: Limits | None = None,
) -> tuple[Seen, ...]:
    """The facts of all images that the references name, with what each said when it was run, in their order.

    Raises `UsageError` for what lies in no engine.
    """
    for reference in references:
        _refuse_elsewhere(reference)
    question = Question(python=options.python or "python", access=options.access)
    seen: list[Seen] = []
    with contextlib.closing(Surveyor(options, progress)) as surveyor:
        opened = surveyor.open([Asked(reference, options.platform) for reference in references])
        for each in opened:
            _refuse_archives(each)
        read = iter(surveyor.read([Job(image, question) for each in opened for image in each.images]))
        for each in opened:
            if each.cause is not None:
                seen.append(Seen(str(each.asked.reference), error=error_fact(each.cause), cause=each.cause))
            seen += _ran(each, read, progress, gpu, limits)
    return tuple(seen)


def _ran(
    opened: Opened, read: Iterator[Seen], progress: Progress | None, gpu: Gpu, limits: Limits | None
) -> Iterator[Seen]:
    for image in opened.images:
        each = next(read)
        if each.facts is None:
            yield each
            continue
        if progress:
            progress.started(image.reference)
        try:
            facts = verify(image, each.facts, mode="always", gpu=gpu, limits=limits)
        finally:
            if progress:
                progress.finished(image.reference)
        yield msgspec.structs.replace(each, facts=facts)


def _refuse_elsewhere(reference: Reference) -> None:
    if reference.scheme is Scheme.REGISTRY:
        raise UsageError(
            f"{reference}: lies in a registry, and only an engine runs images: docker pull {reference.name}"
        )
    if reference.is_path_like():
        raise UsageError(_load_first(reference))


def _refuse_archives(opened: Opened) -> None:
    if any(image.access is None for image in opened.images):
        raise UsageError(_load_first(opened.asked.reference))


def _load_first(reference: Reference) -> str:
    load = "docker load" if reference.name == STDIN else f"docker load --input {reference.places()[0].path}"
    return f"{reference}: is no engine's image, and only an engine runs images: {load}, then name what it loaded"
