"""Images for a job summary or a comment, in GitHub's Markdown: torch first, packages and layers folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.facts import ImageFacts
from inspector.gpu.serves import serves
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.python.model import Interpreter
from inspector.report.document import ShowError
from inspector.report.markdown import MARKS, code, folded, literal, prose
from inspector.report.text import NOTHING, count, notes, origin, size, torch_build, torch_version
from inspector.report.waste import waste_lines
from inspector.unknown import Absent, Unknown

BIGGEST = 10
"""Packages that are named; the rest are counted."""
_STEP = 400


def render_show(images: Iterable[ImageFacts], *, errors: tuple[ShowError, ...] = ()) -> str:
    """Return a table of all images, what each holds, folded, and why others could not be read."""
    return "".join(f"{line}\n" for line in _lines(list(images), errors))


def _lines(images: list[ImageFacts], errors: tuple[ShowError, ...]) -> Iterator[str]:
    unread = f", {len(errors):,} not read" if errors else ""
    yield f"## inspector: {count(len(images), 'image')}{unread}"
    if images:
        yield ""
        yield "| Image | From | Python | Torch | Build | Import | Size |"
        yield "| :-- | :-- | :-- | :-- | :-- | :-- | --: |"
        yield from (f"| {' | '.join(_cells(facts))} |" for facts in images)
    for facts in images:
        yield from folded(code(shown_name(facts.reference, facts.tags)), _image(facts), is_open=len(images) == 1)
    if errors:
        yield ""
        yield from (f"- {MARKS['unknown']} {code(one.reference)}: {prose(one.message)}" for one in errors)


def _cells(facts: ImageFacts) -> tuple[str, ...]:
    python = facts.interpreter
    version = (
        python.version if isinstance(python, Interpreter) else "absent" if isinstance(python, Absent) else "unknown"
    )
    importable = facts.torch.importable if facts.torch.installed else NOTHING
    return (
        code(shown_name(facts.reference, facts.tags)),
        literal(origin(facts)),
        literal(version),
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
        yield f"- step: {code(readable(torch.created_by, _STEP))}"
    if facts.gpu is not None and (line := serves(facts.gpu)):
        yield f"- GPUs: {prose(line)}"
    yield from (f"- {prose(reason)}" for reason in torch.reasons)
    yield from (f"- note: {prose(text)}" for text in notes(facts))
    if not isinstance(facts.distributions, Unknown) and facts.distributions:
        yield from folded(f"{count(len(facts.distributions), 'package')}, the biggest first", _packages(facts))
    yield from folded(f"{count(len(facts.layers), 'layer')}, the base first", _layers(facts))
    for title, rows in waste_lines(facts):
        yield from folded(title, _waste(rows))


def _packages(facts: ImageFacts) -> Iterator[str]:
    found = () if isinstance(facts.distributions, Unknown) else facts.distributions
    ordered = sorted(found, key=lambda one: (-(one.size or 0), one.name))
    yield "| Package | Version | Size |"
    yield "| :-- | :-- | --: |"
    for one in ordered[:BIGGEST]:
        yield f"| {literal(one.name)} | {literal(one.version)} | {size(one.size)} |"
    if rest := ordered[BIGGEST:]:
        yield f"| {len(rest):,} more | | {size(sum(one.size or 0 for one in rest))} |"


def _waste(rows: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    yield "| Size | What | Build step | What to change |"
    yield "| --: | :-- | :-- | :-- |"
    for amount, what, step, change in rows:
        yield f"| {amount} | {literal(what)} | {code(step) if step else NOTHING} | {prose(change)} |"


def _layers(facts: ImageFacts) -> Iterator[str]:
    yield "| | Size | Build step |"
    yield "| --: | --: | :-- |"
    for at, layer in enumerate(facts.layers, 1):
        step = code(readable(layer.created_by, _STEP)) if layer.created_by else NOTHING
        yield f"| {at} | {size(layer.size)} | {step} |"
