"""Rectangles for sizes: their areas in proportion, their sides as equal as can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def squarify(sizes: Sequence[float], within: Box) -> list[Box]:
    """Return a box for each size, in their order; the sizes are positive, and best the biggest first."""
    total = float(sum(sizes))
    if not sizes or total <= 0 or within.width <= 0 or within.height <= 0:
        return [Box(within.x, within.y, 0, 0) for _ in sizes]
    scale = within.width * within.height / total
    areas = [size * scale for size in sizes]
    boxes: list[Box] = []
    left, begin = within, 0
    while begin < len(areas):
        end = _row(areas, begin, min(left.width, left.height))
        row, left = _lay(areas[begin:end], left)
        boxes += row
        begin = end
    return boxes


def _row(areas: Sequence[float], begin: int, side: float) -> int:
    """Return where the row that begins there ends: as soon as one more would make its worst box longer."""
    total, end, worst = 0.0, begin, float("inf")
    largest, smallest = areas[begin], areas[begin]
    while end < len(areas):
        total += areas[end]
        largest, smallest = max(largest, areas[end]), min(smallest, areas[end])
        square = side * side
        ratio = max(square * largest / (total * total), total * total / (square * smallest)) if smallest and side else 0
        if ratio > worst:
            break
        worst, end = ratio, end + 1
    return max(end, begin + 1)


def _lay(areas: Sequence[float], left: Box) -> tuple[list[Box], Box]:
    """Return the boxes of a row along the shorter side, and what is left beside it."""
    total, at = sum(areas), 0.0
    boxes: list[Box] = []
    if left.width >= left.height:
        depth = min(total / left.height, left.width) if left.height > 0 else 0.0
        for area in areas:
            height = area / depth if depth > 0 else 0.0
            boxes.append(Box(left.x, left.y + at, depth, height))
            at += height
        return boxes, Box(left.x + depth, left.y, left.width - depth, left.height)
    depth = min(total / left.width, left.height)
    for area in areas:
        width = area / depth if depth > 0 else 0.0
        boxes.append(Box(left.x + at, left.y, width, depth))
        at += width
    return boxes, Box(left.x, left.y + depth, left.width, left.height - depth)
