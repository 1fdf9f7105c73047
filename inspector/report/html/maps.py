"""A map of an image's bytes: each part a box as big as its share, in the box of what it is part of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from inspector.escape import escape
from inspector.facts.sizes import SizeTree
from inspector.report.html.markup import Markup, el, text
from inspector.report.html.squarify import Box, squarify
from inspector.sizes import show_size
from inspector.words import count

COLORS = {
    "layer": ("#f1f1ef", "#f1f1ef"),
    "torch": ("#e2e5fc", "#bcc4f6"),
    "cuda": ("#dbf1e1", "#abdcba"),
    "package": ("#d9edf5", "#abd6e6"),
    "plain": ("#ecedf0", "#d5d8de"),
    "gone": ("#fbe2de", "#f4b8ae"),
}
"""Light colours of boxes that hold others, and of those that don't; the style has them again, and the dark ones."""
LETTERS = dict(zip(COLORS, "ltcpng", strict=True))
"""Class of each kind in the style, with an `f` where the box holds others."""
LEGEND = {
    "torch": "torch",
    "cuda": "CUDA and Triton",
    "package": "other packages",
    "plain": "files of no package",
    "gone": "removed by a later layer",
}
WIDE, NARROW = Box(0, 0, 1120, 560), Box(0, 0, 360, 620)
SMALLEST = 5
"""Pixels of a side below which a box is left out."""
_STRIP, _PAD, _DEPTH = 17, 2, 9
_NAME = 200
_TOO_NARROW = 70
"""Pixels below which a layer has its number alone."""
_MOSTLY = 0.97
"""Share from which a folder's one child stands for it: `nvidia/cudnn/lib` is one frame."""


class _Place(NamedTuple):
    """Where a part goes: its box, the kind that colours it, and how deep it is."""

    box: Box
    kind: str
    depth: int


def kinds_in(tree: SizeTree) -> set[str]:
    """Return the kinds that a legend explains."""
    return {_kind(part, layer.kind) for layer in tree.children for part in layer.children}


def size_map(tree: SizeTree, within: Box, label: str, steps: Mapping[str, str] | None = None, css: str = "") -> Markup:
    """Return the map as an image with a label; `steps` are what names of layers are followed by."""
    kind = "plain" if tree.kind == "image" else _kind(tree, "plain")
    boxes = list(_inside(tree, within, _Place(within, kind, 0), steps or {}))
    view = f"{within.x:g} {within.y:g} {within.width:g} {within.height:g}"
    return el("svg", boxes, class_=f"map {css}".strip(), viewBox=view, role="img", aria_label=label)


def is_cuda(name: str) -> bool:
    """Tell whether a package is CUDA's, or Triton, by its name."""
    name = name.lower().replace("_", "-")
    return name.startswith(("nvidia-", "cuda-", "cupy")) or name in ("triton", "pytorch-triton")


def _inside(tree: SizeTree, within: Box, place: _Place, steps: Mapping[str, str]) -> Iterator[Markup]:
    """Yield the boxes of a part's children, each followed by those in it."""
    if place.depth > _DEPTH:
        return
    shown = [child for child in tree.children if child.size > 0]
    for child, box in zip(shown, squarify([child.size for child in shown], within), strict=True):
        if min(box.width, box.height) >= SMALLEST:
            yield from _box(child, _Place(box, _kind(child, place.kind), place.depth), steps)


def _box(part: SizeTree, place: _Place, steps: Mapping[str, str]) -> Iterator[Markup]:
    box, part = place.box, _shortened(part)
    strip = _STRIP if box.width > 40 and box.height > 3 * _STRIP else _PAD
    inner = Box(box.x + _PAD, box.y + strip, box.width - 2 * _PAD, box.height - strip - _PAD)
    has_room = min(inner.width, inner.height) > 3 * SMALLEST
    inside = list(_inside(part, inner, place._replace(depth=place.depth + 1), steps)) if has_room else []
    name = _name(part, steps)
    framed = bool(inside)
    light = framed or part.kind == "rest"
    rect = el(
        "rect",
        x=_round(box.x),
        y=_round(box.y),
        width=_round(box.width),
        height=_round(box.height),
        fill=COLORS[place.kind][0 if light else 1],
        class_=f"{LETTERS[place.kind]}{'f' if light else ''}",
    )
    size = show_size(part.size)
    files = f", {count(part.files, 'file')}" if part.kind != "file" else ""
    labelled = strip == _STRIP if framed else box.width > 36 and box.height > 14
    label = _labels(box, name, size, framed=framed) if labelled else None
    title = f"{name}: {size}{files}"
    yield el("g", el("title", text(title if len(title) <= _NAME else f"{name[:_NAME]}…: {size}")), rect, label)
    yield from inside


def _shortened(part: SizeTree) -> SizeTree:
    """Return the part with what is in its one big child, if that is nearly all of it."""
    while part.kind in ("package", "folder") and part.children:
        child = part.children[0]
        if child.kind != "folder" or not child.children or child.size < _MOSTLY * part.size:
            break
        name = part.name if part.kind == "package" else f"{part.name}/{child.name}"
        children = sorted((*child.children, *part.children[1:]), key=lambda each: -each.size)
        part = msgspec.structs.replace(part, name=name, children=tuple(children))
    return part


def _labels(box: Box, name: str, size: str, *, framed: bool) -> list[Markup]:
    """Return the name as far as it fits, and the size behind or below it."""
    x, y = _round(box.x + 4), _round(box.y + 12.5)
    if framed or box.height < 30:
        whole = f"{name} {size}"
        if _width(name) > box.width - 8 and box.width < _TOO_NARROW and name.startswith("layer "):
            name = name.split(" ")[1]
        return [el("text", whole if _width(whole) <= box.width - 8 else _fit(name, box.width - 8), x=x, y=y)]
    return [
        el("text", _fit(name, box.width - 8), x=x, y=y),
        el("text", _fit(size, box.width - 8), x=x, y=_round(box.y + 26), class_="m"),
    ]


def _name(part: SizeTree, steps: Mapping[str, str]) -> str:
    if part.kind == "rest":
        return f"{count(part.files, 'smaller file')}"
    step = steps.get(part.name, "") if part.kind == "layer" else ""
    return escape(f"{part.name} {step}" if step else part.name)


def _kind(part: SizeTree, above: str) -> str:
    match part.kind:
        case "gone" | "layer":
            return part.kind
        case "package":
            own = part.name.lower() in ("torch", "torchvision", "torchaudio")
            return "torch" if own else "cuda" if is_cuda(part.name) else "package"
        case _:
            return "plain" if above == "layer" else above


def _fit(name: str, width: float) -> str:
    """Cut a label to what a box of that width shows."""
    if _width(name) <= width:
        return name
    kept, used = 0, _width("…")
    for char in name:
        used += _width(char)
        if used > width:
            break
        kept += 1
    return f"{name[:kept]}…" if kept > 1 else ""


def _width(name: str) -> float:
    """Return about how many pixels a label takes, rather too many."""
    return sum(
        3.3 if char in " .,:;il|'!/" else 9.6 if char in "MWmw@%…" else 6.4 if char < "\u0370" else 12 for char in name
    )


def _round(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
