"""The sections about one image's facts: at a glance, where its bytes are, waste, layers, packages, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inspector.facts import ImageFacts
from inspector.facts.sizes import Sizes, SizeTree
from inspector.facts.waste import Waste
from inspector.gpu.serves import serves
from inspector.policy.steps import readable
from inspector.python.model import Distribution
from inspector.report.html.maps import COLORS, LEGEND, LETTERS, NARROW, WIDE, kinds_in, size_map
from inspector.report.html.markup import Child, Markup, el, prose, text
from inspector.report.html.parts import bar, folded, pairs, section, table
from inspector.report.html.squarify import Box
from inspector.report.show import evidence_told
from inspector.report.text import (
    IMPORTABLE,
    NOTHING,
    biggest_first,
    notes,
    origin,
    python_version,
    short,
    size,
    torch_build,
    torch_version,
    undecided,
)
from inspector.report.waste import Told, groups
from inspector.sizes import show_size
from inspector.torchbuild.model import TorchElsewhere
from inspector.unknown import Unknown
from inspector.words import count

MAX_ROWS = 2_000
"""Packages that are listed, the biggest first; the rest is summed up."""
STEP = 300
_NAME, _WORD = 200, 60
"""Characters of a name, and of a version: two thousand of them are on one page."""
BARS = 60
"""Packages with a bar: those below are too small to have one that shows."""
_ELSEWHERE = "Torch where python does not look"
_OF_PACKAGE, _OF_PACKAGE_NARROW = Box(0, 0, 1120, 360), Box(0, 0, 360, 400)


def at_a_glance(facts: ImageFacts) -> Markup:
    """Return what a reader wants to know first."""
    return pairs(_glance(facts))


def sections(facts: ImageFacts, level: int) -> Iterator[Markup]:
    """Yield the sections, with headings of that level."""
    yield from _where(facts, level)
    yield from _waste(facts, level)
    yield from _elsewhere(facts, level)
    yield section(f"{count(len(facts.layers), 'layer')}, the base first", level, _layers(facts))
    yield _packages(facts, level)
    if told := notes(facts):
        yield section("Notes", level, el("ul", [el("li", prose(each)) for each in told]))
    yield section("Evidence", level, _evidence(facts))


def _glance(facts: ImageFacts) -> Iterator[tuple[str, Child]]:
    torch = facts.torch
    build = torch_build(facts)
    about = f"{build} build, {IMPORTABLE[torch.importable]}" if torch.installed else "; ".join(torch.reasons[:2])
    yield "torch", [torch_version(facts), el("small", prose(about)) if about and not undecided(facts) else None]
    if torch.installed and torch.size is not None:
        stack = torch.size if torch.stack_size is None else torch.stack_size
        whole = facts.size.uncompressed
        share = f", {100 * stack / whole:.0f} % of the image" if whole else ""
        yield (
            "torch's bytes",
            [show_size(torch.size), el("small", f"{show_size(stack)} with what only it needs{share}")],
        )
    if facts.gpu is not None and (line := serves(facts.gpu)):
        yield "GPUs", prose(line)
    python = facts.interpreter
    about_python = python.unknown if isinstance(python, Unknown) else el("code", python.path)
    yield "Python", [python_version(facts), el("small", about_python)]
    packed = "" if facts.size.compressed is None else f"{show_size(facts.size.compressed)} compressed, "
    yield "size", [size(facts.size.uncompressed), el("small", f"{packed}{count(len(facts.layers), 'layer')}")]
    if isinstance(facts.waste, Waste):
        possible = f"and {show_size(facts.waste.possible)} that may be needed"
        yield "waste", [show_size(facts.waste.certain), el("small", possible)]
    if not isinstance(facts.distributions, Unknown):
        yield "packages", f"{len(facts.distributions):,}"
    yield "platform", str(facts.platform)
    identity = "" if facts.image_id is None else short(facts.image_id)
    yield "read from", [origin(facts), el("small", el("code", identity)) if identity else None]


def _where(facts: ImageFacts, level: int) -> Iterator[Markup]:
    if isinstance(facts.sizes, Unknown):
        yield section("Where the bytes are", level, el("p", f"Not looked at: {facts.sizes.unknown}"))
    if not isinstance(facts.sizes, Sizes):
        return
    tree = facts.sizes.image
    steps = {f"layer {at}": readable(layer.created_by, 60) for at, layer in enumerate(facts.layers, 1)}
    label = f"Map of the image's {show_size(tree.size)}; the tables of layers, packages and waste have its figures."
    lead = "Each box is as big as its share of the image: layers, in them packages, folders and files."
    yield section(
        "Where the bytes are",
        level,
        _legend(tree),
        size_map(tree, WIDE, label, steps, "wide"),
        size_map(tree, NARROW, label, steps, "narrow"),
        _package_maps(facts.sizes, level + 1),
        lead=lead,
    )


def _legend(tree: SizeTree) -> Markup:
    kinds = kinds_in(tree)
    shown = {kind: name for kind, name in LEGEND.items() if kind in kinds}
    swatches = [
        el(
            "li",
            el(
                "svg",
                el("rect", width=14, height=14, rx=3, fill=COLORS[kind][1], class_=LETTERS[kind]),
                viewBox="0 0 14 14",
                aria_hidden="true",
            ),
            name,
        )
        for kind, name in shown.items()
    ]
    return el("ul", swatches, class_="legend")


def _package_maps(sizes: Sizes, level: int) -> Markup | None:
    if not sizes.packages:
        return None
    maps = [_package_map(each, sizes.image.size) for each in sizes.packages]
    return section("Packages above 1 % of the image", level, el("div", maps, class_="maps"))


def _package_map(tree: SizeTree, whole: int) -> Markup:
    share = f"{show_size(tree.size)}, {100 * tree.size / whole:.0f} %" if whole else show_size(tree.size)
    label = f"Map of {tree.name[:100]}, {share} of the image"
    wide, narrow = (size_map(tree, box, label, css=css) for box, css in _SHAPES)
    return folded([el("span", text(tree.name, _NAME)), el("small", share)], wide, narrow)


_SHAPES = ((_OF_PACKAGE, "wide"), (_OF_PACKAGE_NARROW, "narrow"))


def _waste(facts: ImageFacts, level: int) -> Iterator[Markup]:
    waste = facts.waste
    if isinstance(waste, Unknown):
        yield section("Waste", level, el("p", f"Not looked for: {waste.unknown}"))
    elif waste is not None and waste.items:
        parts = []
        for group in groups(facts, waste):
            parts.append(el(f"h{level + 1}", group.title))
            rows = list(map(_waste_row, group.items))
            if group.small:
                rows.append([group.small, "in small parts"])
            parts.append(table(group.title, ("Size", "What, where, and what to change"), rows, Size="num"))
        lead = "What certainly helps nobody, then what somebody may need. A file may be in several rows."
        yield section("Waste", level, parts, lead=lead)


def _waste_row(one: Told) -> Sequence[Child]:
    told = [
        el("strong", prose(one.title)),
        f", {one.files}, {one.layers}",
        el("p", el("strong", "What to do: ") if one.certain else None, prose(one.change)),
        el("small", el("code", one.places)),
        el("small", "step ", el("code", one.step)) if one.step else None,
        el("small", "removed by ", el("code", one.by)) if one.by else None,
    ]
    return [one.size, told]


def _elsewhere(facts: ImageFacts, level: int) -> Iterator[Markup]:
    found = facts.torch_elsewhere
    if isinstance(found, Unknown):
        yield section(_ELSEWHERE, level, el("p", f"Not looked at: {found.unknown}"))
    elif found:
        titles = ("Size", "Torch", "Why it is not imported")
        yield section(_ELSEWHERE, level, table(_ELSEWHERE, titles, map(_other, found), Size="num"))


def _other(other: TorchElsewhere) -> Sequence[Child]:
    version = f"torch {other.version}" if other.version else "remains of a torch"
    where = "" if other.layer is None else f", layer {other.layer + 1}"
    told = [f"{version}{where}", el("small", el("code", other.path))]
    return [show_size(other.size), told, prose(other.why_not_importable)]


def _layers(facts: ImageFacts) -> Markup:
    largest = max((layer.size or 0 for layer in facts.layers), default=0)
    rows = (
        [
            str(at),
            size(layer.size),
            bar(layer.size or 0, largest),
            el("code", readable(layer.created_by, STEP)) if layer.created_by else el("span", "not told", class_="dim"),
        ]
        for at, layer in enumerate(facts.layers, 1)
    )
    return table("Layers", ("Layer", "Size", "Share", "Build step"), rows, Layer="num", Size="num", Share="graph")


def _packages(facts: ImageFacts, level: int) -> Markup:
    if isinstance(facts.distributions, Unknown):
        return section("Packages", level, el("p", f"Not looked at: {facts.distributions.unknown}"))
    ordered = biggest_first(facts.distributions)
    known = sum(one.size or 0 for one in ordered)
    title = f"{count(len(ordered), 'package')}, {show_size(known)}"
    if not ordered:
        return section(title, level)
    titles = ("Package", "Version", "Size", "Share", "Layer", "Installer")
    classes = {"Size": "num", "Share": "graph", "Layer": "num", "Installer": "spare"}
    rows = [_package(one, at, ordered[0].size or 0) for at, one in enumerate(ordered[:MAX_ROWS])]
    if rest := ordered[MAX_ROWS:]:
        rows.append([f"{len(rest):,} more", None, show_size(sum(one.size or 0 for one in rest)), None, None, None])
    listed = table("Packages, the biggest first", titles, rows, **classes)
    return section(title, level, listed if len(rows) <= BARS else folded("All packages", listed, is_open=True))


def _package(one: Distribution, at: int, largest: int) -> Sequence[Child]:
    return [
        text(one.name, _NAME),
        text(one.version, _WORD),
        size(one.size),
        bar(one.size or 0, largest) if at < BARS else None,
        NOTHING if one.layer is None else str(one.layer + 1),
        text(one.installer, _WORD) if one.installer else None,
    ]


def _evidence(facts: ImageFacts) -> Markup:
    lines: Iterable[str] = evidence_told(facts.evidence)
    named = el("li", "reference: ", el("code", facts.reference))
    whole = [el("li", "image id: ", el("code", facts.image_id))] if facts.image_id else []
    command = " ".join(facts.startup.argv)
    runs = [el("li", "command: ", el("code", command))] if command else []
    return el("ul", named, whole, runs, [el("li", line) for line in lines])
