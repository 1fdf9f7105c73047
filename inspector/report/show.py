"""One image as a person wants it: torch first, then what `python` is, what is big, and which build step brought it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.escape import escape
from inspector.facts import Evidence, ImageFacts, LayerFacts
from inspector.gpu.serves import serves
from inspector.imports.model import Imported
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.python.model import UNSTATED, Distribution, Interpreter
from inspector.report.canvas import columns, draw_each, hanging, indented, labelled, words
from inspector.report.runtime import run_lines
from inspector.report.text import (
    IMPORTABLE,
    biggest_first,
    layer_name,
    origin,
    python_version,
    seconds,
    short,
    torch_version,
    undecided,
)
from inspector.report.text import size as size_or_unseen
from inspector.report.waste import waste_parts
from inspector.sizes import show_size
from inspector.torchbuild.model import Torch, TorchElsewhere, build_name
from inspector.unknown import Absent, Unknown
from inspector.words import count

BIGGEST = 10
"""Distributions that are shown; the rest is summed up."""
BAR = 24
"""Cells of the bar of the largest."""

_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}
_ELSEWHERE = "Torch where `python` does not look"
_YES_NO: dict[str, str] = {"yes": "green", "no": "red", "unknown": "magenta"}


def render_show(images: Iterable[ImageFacts], *, width: int = 120, color: bool = False) -> str:
    """Return the images one below another, in lines of at most `width` cells."""
    return draw_each(map(_image, images), width=width, color=color)


def _image(facts: ImageFacts) -> Iterator[RenderableType]:
    yield words(shown_name(facts.reference, facts.tags), "bold underline")
    yield indented(labelled(_identity(facts)), 2)
    yield ""
    yield indented(labelled(_torch(facts)), 2)
    yield indented(labelled(_python(facts)), 2)
    if facts.imports:
        yield from _section("Imports", labelled(_imports(facts.imports), label_width=max(map(len, facts.imports))))
    if facts.runtime is not None:
        yield from _section("When it was run", labelled(run_lines(facts.runtime)))
    if isinstance(facts.distributions, Unknown):
        yield from _section("Packages", words(_unseen(facts.distributions), "magenta"))
    elif facts.distributions:
        yield from _section(_packages_title(facts.distributions), _packages(facts.distributions))
    yield from _section("Layers, the base first", _layers(facts.layers))
    for title, parts in waste_parts(facts):
        yield from _section(title, *parts)
    if isinstance(facts.torch_elsewhere, Unknown):
        yield from _section(_ELSEWHERE, words(_unseen(facts.torch_elsewhere), "magenta"))
    elif facts.torch_elsewhere:
        yield from _section(_ELSEWHERE, labelled(_elsewhere(facts.torch_elsewhere), label_width=9))
    if facts.extensions:
        broken = (words(f"{one.path} of {one.distribution}: {one.reason}") for one in facts.extensions)
        yield from _section(
            "Extension modules that can't load", *(hanging(Text("▲", "yellow"), each) for each in broken)
        )
    if facts.warnings:
        yield from _section("Warnings", *(hanging(Text("▲", "yellow"), words(text)) for text in facts.warnings))
    yield ""
    yield from (indented(words(line, "dim"), 2) for line in evidence_told(facts.evidence))


def _unseen(why: Unknown) -> str:
    return f"not looked at: {why.unknown}"


def _section(title: str, *parts: RenderableType) -> Iterator[RenderableType]:
    yield ""
    yield indented(words(title, "bold"), 2)
    yield from (indented(part, 2) for part in parts)


def _identity(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    stated = facts.reference.startswith(f"{facts.source}:")
    named = facts.reference if stated else f"{facts.reference} ({origin(facts)})"
    yield "from", words(named if facts.tags else origin(facts))
    entries = [layer.entries for layer in facts.layers if layer.entries is not None]
    files = ", entries not looked at" if facts.evidence.partial else ""
    if len(entries) == len(facts.layers):
        files = f", {count(sum(entries), 'entry', 'entries')}"
    size = "size not looked at" if facts.size.uncompressed is None else show_size(facts.size.uncompressed)
    packed = "" if facts.size.compressed is None else f" ({show_size(facts.size.compressed)} compressed)"
    size = f"{size}{packed} in {count(len(facts.layers), 'layer')}{files}"
    image_id = "id not told" if facts.image_id is None else short(facts.image_id)
    yield "image", words(f"{facts.platform}, {size}, {image_id}")


def _torch(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    torch = facts.torch
    if not torch.installed:
        style = "bold magenta" if undecided(facts) else "bold"
        yield "torch", words(torch_version(facts), style)
        yield from (("", words(reason)) for reason in torch.reasons)
        return
    told = Text.assemble(
        words(torch_version(facts), "bold"),
        f", {escape(build_name(torch))} build, ",
        (IMPORTABLE[torch.importable], f"bold {_YES_NO[torch.importable]}"),
    )
    yield "torch", told
    yield from (("", words(reason, _YES_NO[torch.importable])) for reason in torch.reasons)
    if torch.distribution_version not in (None, torch.version):
        yield "", words(f"its metadata says {torch.distribution_version}")
    yield "", words(_cost(torch, facts.size.uncompressed))
    if torch.path:
        yield "", words(torch.path)
    if torch.layer is not None:
        yield "", words(f"layer {layer_name(torch.layer, len(facts.layers), None, None)}: {_step(torch.created_by)}")
    if facts.gpu is not None and (line := serves(facts.gpu)):
        yield "GPUs", words(line)


def _cost(torch: Torch, whole: int | None) -> str:
    if torch.size is None:
        return "its size was not looked at"
    stack = torch.size if torch.stack_size is None else torch.stack_size
    share = f", {100 * stack / whole:.0f} % of the image" if whole else ""
    if stack == torch.size:
        return f"{show_size(torch.size)}{share}"
    return f"{show_size(torch.size)}, {show_size(stack)} with what only it requires{share}"


def _step(created_by: str | None) -> str:
    return readable(created_by) or "build step not told"


def _python(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    match facts.interpreter:
        case Interpreter() as python:
            libc = " ".join(part for part in (python.libc.name, python.libc.version) if part) if python.libc else ""
            machine = ", ".join(part for part in (python.machine or "", libc) if part)
            implementation = _IMPLEMENTATIONS.get(python.implementation, python.implementation)
            yield "python", words(f"{implementation} {python.version}" + (f" ({machine})" if machine else ""))
            link = "" if python.path == python.resolved else f", which is {python.resolved}"
            yield "", words(f"{python.path}{link}")
            yield from _doubts({"no": "can't run", "unknown": "may not run"}.get(python.runs, ""), python.reasons)
            for hook in python.hooks:
                yield "", words(f"runs first: {hook.path}" + (f": {hook.effect}" if hook.effect else ""))
        case missing:
            style = "bold" if isinstance(missing, Absent) else "bold magenta"
            yield "python", words(python_version(facts), style)
            yield "", words(missing.unknown)
    yield "command", words(" ".join(facts.startup.argv) or "none")
    doubt = {"no": "can't start", "unknown": "may not start"}.get(facts.startup.starts, "")
    if UNSTATED not in facts.startup.reasons:
        yield from _doubts(doubt, facts.startup.reasons)
    yield from _command(facts)


def _command(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    """Yield the Python that the command runs, where that is another than the asked one or isn't known."""
    command = facts.command
    if isinstance(command.interpreter, Unknown):
        yield "", words(f"which Python it runs is not known: {command.interpreter.unknown}", "magenta")
    elif command.python_differs and command.interpreter is not None:
        seen = (
            f", with torch {command.torch.version}" if command.torch and command.torch.installed else ", without torch"
        )
        yield "", words(f"it runs another Python: {command.interpreter.path}{seen}", "yellow")


def _imports(found: Mapping[str, Imported]) -> Iterator[tuple[str, Text]]:
    for name, one in found.items():
        style = _YES_NO[one.importable]
        counted = f": {count(one.modules, 'module')}, {one.extensions} compiled" if one.importable == "yes" else ""
        yield name, Text.assemble((IMPORTABLE[one.importable], f"bold {style}"), counted)
        yield from (("", words(reason, style)) for reason in one.reasons)


def _doubts(doubt: str, reasons: Iterable[str]) -> Iterator[tuple[str, Text]]:
    told = ": ".join(part for part in (doubt, "; ".join(reasons)) if part)
    if told:
        yield "", words(told, "red" if doubt.startswith("can't") else "magenta" if doubt else "")


def _packages_title(found: tuple[Distribution, ...]) -> str:
    known = sum(one.size or 0 for one in found)
    return f"{count(len(found), 'package')}, {show_size(known)}, the biggest first"


def _packages(found: Iterable[Distribution]) -> Table:
    listed = biggest_first(found)
    table = columns(5, right=(2,))
    largest = max((one.size or 0 for one in listed), default=0)
    for one in listed[:BIGGEST]:
        place = [] if one.layer is None else [f"layer {one.layer + 1}"]
        brought = ", ".join([*([one.installer] if one.installer else []), *place])
        table.add_row(
            words(one.name),
            words(one.version, "dim"),
            size_or_unseen(one.size),
            bar(one.size or 0, largest),
            words(brought, "dim"),
        )
    rest = listed[BIGGEST:]
    if rest:
        size = show_size(sum(one.size or 0 for one in rest))
        table.add_row(words(f"{len(rest)} more", "dim"), "", Text(size, "dim"), "", "")
    return table


def _layers(layers: tuple[LayerFacts, ...]) -> Table:
    table = columns(4, right=(0, 1))
    largest = max((layer.size or 0 for layer in layers), default=0)
    for at, layer in enumerate(layers, 1):
        step = words(_step(layer.created_by), "" if layer.created_by else "dim")
        table.add_row(Text(str(at), "dim"), size_or_unseen(layer.size), bar(layer.size or 0, largest), step)
    return table


def bar(size: int, largest: int) -> Text:
    """Return a bar whose length in cells is to `BAR` as `size` is to `largest`.

    Something for whatever is not nothing.
    """
    cells = -(-size * BAR // largest) if largest else 0
    return Text("━" * cells, "cyan")


def _elsewhere(found: Iterable[TorchElsewhere]) -> Iterator[tuple[str, Text]]:
    for other in found:
        version = f"torch {other.version}" if other.version else "remains of a torch"
        where = "" if other.layer is None else f" (layer {other.layer + 1})"
        yield show_size(other.size), words(f"{version} in {other.path}{where}: {other.why_not_importable}")


def evidence_told(seen: Evidence) -> Iterator[str]:
    """Yield what was read and how, then the access methods that were not taken."""
    access = f"access method {seen.access}: " if seen.access else ""
    yield f"{access}{', '.join(_read(seen))}, in {seconds(seen.seconds)}"
    yield from (f"passed over: {access}" for access in seen.passed_over)


def _read(seen: Evidence) -> list[str]:
    if seen.partial:
        asked = f"{count(seen.questions, 'question')} of the engine ({show_size(seen.bytes_read)})"
        return [asked, "no layer read", f"proof: {seen.proof}"]
    told = []
    if seen.layers_read:
        told.append(f"{count(seen.layers_read, 'layer')} read ({show_size(seen.bytes_read)} by {seen.how})")
    if seen.layers_cached:
        told.append(f"{count(seen.layers_cached, 'layer')} from the cache")
    told.append("digests verified" if seen.digests_verified else "digests not verified")
    return [*told, f"proof: {seen.proof}"]
