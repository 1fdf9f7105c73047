"""Boxes have areas in proportion, lie inside and don't overlap, whatever the sizes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.report.html.squarify import Box, squarify
from tests.effort import examples

SIZES = st.lists(st.integers(1, 10**12), min_size=1, max_size=40).map(lambda sizes: sorted(sizes, reverse=True))
SIDES = st.floats(1, 5000)


@examples(300)
@given(sizes=SIZES, width=SIDES, height=SIDES, x=st.floats(0, 100), y=st.floats(0, 100))
def test_areas_are_in_proportion_inside_and_apart(
    sizes: list[int], width: float, height: float, x: float, y: float
) -> None:
    within = Box(x, y, width, height)
    boxes = squarify(sizes, within)
    assert len(boxes) == len(sizes)
    slack = 1e-6 * max(width, height, 1)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(size / sum(sizes) * width * height, rel=1e-5, abs=1e-9)
        assert x - slack <= box.x <= box.x + box.width <= x + width + slack
        assert y - slack <= box.y <= box.y + box.height <= y + height + slack
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert across <= slack or down <= slack


def test_the_boxes_of_the_paper() -> None:
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    assert [tuple(round(side, 2) for side in box) for box in boxes] == [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 1.71, 2.33),
        (4.71, 0, 1.29, 2.33),
        (3, 2.33, 1.2, 1.67),
        (4.2, 2.33, 1.2, 1.67),
        (5.4, 2.33, 0.6, 1.67),
    ]


@pytest.mark.parametrize("within", [Box(0, 0, 0, 5), Box(0, 0, 5, 0)])
def test_no_room_makes_empty_boxes(within: Box) -> None:
    assert squarify([3, 2], within) == [Box(0, 0, 0, 0)] * 2
    assert squarify([], within) == []
