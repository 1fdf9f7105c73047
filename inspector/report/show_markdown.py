"""Images for a job summary or a comment, in GitHub's Markdown: torch first, packages and layers folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inspector.facts import ImageFacts
from inspector.facts.waste import Waste
from inspector.gpu.serves import serves
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.python.model import Distribution
from inspector.report.document import ShowError
from inspector.report.markdown import code, folded, joined, literal, prose, table, unread
from inspector.report.text import (
    NOTHING,
    STEP,
    biggest_first,
    notes,
    origin,
    python_version,
    size,
    torch_build,
    torch_version,
)
from inspector.report.waste import Told, groups
from inspector.unknown import Unknown
from inspector.words import count

BIGGEST = 10
"""Packages that are named; the rest are counted."""
_TITLES = ("Image", "From", "Python", "Torch", "Build", "Import", "Size")


def render_show(images: Iterable[ImageFacts], *, errors: tuple[ShowError, ...] = ()) -> str:
    """Return a table of all images, what each holds, folded, and why others could not be read."""
    return joined(_lines(list(images), errors))


def _lines(images: list[ImageFacts], errors: tuple[ShowError, ...]) -> Iterator[str]:
    failed = f", {len(errors):,} not read" if errors else ""
    yield f"## inspector: {count(len(images), 'image')}{failed}"
    if images:
        yield from ("", *table(_TITLES, map(_cells, images), right=(6,)))
    for facts in images:
        yield from folded(code(shown_name(facts.reference, facts.tags)), _image(facts), is_open=len(images) == 1)
    yield from unread(errors)


def _cells(facts: ImageFacts) -> tuple[str, ...]:
    importable = facts.torch.importable if facts.torch.installed else NOTHING
    return (
        code(shown_name(facts.reference, facts.tags)),
        literal(origin(facts)),
        literal(python_version(facts)),
        literal(torch_version(facts)),
        literal(torch_build(facts)),
        literal(importable),
        size(facts.size.uncompressed),
    )


def _image(facts: ImageFacts) -> Iterator[str]:
    torch = facts.torch
    yield f"- platform: {literal(str(facts.platform))}; command: {code(' '.join(facts.startup.argv) or 'none')}"
    if torch.path:
        yield f"- torch: {code(torch.path)}, {size(torch.size)}, {size(torch.stack_size)} with what only it requires"
    if torch.created_by:
        yield f"- step: {code(readable(torch.created_by, STEP))}"
    if facts.gpu is not None and (line := serves(facts.gpu)):
        yield f"- GPUs: {prose(line)}"
    yield from (f"- {prose(reason)}" for reason in torch.reasons)
    yield from (f"- note: {prose(text)}" for text in notes(facts))
    if not isinstance(facts.distributions, Unknown) and facts.distributions:
        found = biggest_first(facts.distributions)
        yield from folded(f"{count(len(found), 'package')}, the biggest first", _packages(found))
    yield from folded(f"{count(len(facts.layers), 'layer')}, the base first", _layers(facts))
    for group in groups(facts, facts.waste) if isinstance(facts.waste, Waste) else ():
        titles = ("Size", "What", "Build step", "What to change")
        yield from folded(group.title, table(titles, map(_wasted, group.items), right=(0,)))


def _wasted(one: Told) -> tuple[str, ...]:
    step = one.by or one.step
    what = f"{one.title}, {one.files}: {one.layers}; {one.places}"
    return (one.size, literal(what), code(step) if step else NOTHING, prose(one.change))


def _packages(found: Sequence[Distribution]) -> Iterator[str]:
    rows = [(literal(one.name), literal(one.version), size(one.size)) for one in found[:BIGGEST]]
    if rest := found[BIGGEST:]:
        rows.append((f"{len(rest):,} more", "", size(sum(one.size or 0 for one in rest))))
    return table(("Package", "Version", "Size"), rows, right=(2,))


def _layers(facts: ImageFacts) -> Iterator[str]:
    steps = (code(readable(layer.created_by, STEP)) if layer.created_by else NOTHING for layer in facts.layers)
    rows = ((str(at), size(facts.layers[at - 1].size), step) for at, step in enumerate(steps, 1))
    return table(("", "Size", "Build step"), rows, right=(0, 1))
