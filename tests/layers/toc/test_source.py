"""Spans are joined where that saves requests, and bytes are counted before they are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.layers.toc.source import MAX_SPAN, Budget, NotWorthwhile, Span, TocUnusable, joined
from tests.layers.toc.reading import Held

SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)).map(lambda pair: Span(pair[0], sum(pair))))


@given(SPANS, st.integers(0, 60))
def test_every_byte_is_there_once_and_few_besides(spans: list[Span], spare: int) -> None:
    wanted = {byte for start, end in spans for byte in range(start, end)}
    found = joined(spans, spare)
    covered = [byte for start, end in found for byte in range(start, end)]
    assert covered == sorted(set(covered))
    assert wanted <= set(covered)
    assert len(covered) <= len(wanted) + spare
    assert all(any(start <= one.start and one.end <= end for start, end in found) for one in spans)


def test_the_smallest_gaps_go_first() -> None:
    assert joined([Span(0, 10), Span(40, 50), Span(15, 20)], 5) == [(0, 20), (40, 50)]
    assert joined([Span(0, 10), Span(10, 20)], 0) == [(0, 20)]


def test_spans_are_not_joined_without_bound() -> None:
    spans = [Span(n * MAX_SPAN // 2, (n + 1) * MAX_SPAN // 2) for n in range(5)]
    assert [end - start for start, end in joined(spans, 0)] == [MAX_SPAN, MAX_SPAN, MAX_SPAN // 2]


def test_no_more_is_asked_for_than_is_allowed() -> None:
    held = Held(bytes(100))
    budget = Budget(held, 50, lambda _: None)
    assert budget.read_one(0, 50) == bytes(50)
    with pytest.raises(NotWorthwhile):
        budget.read_one(0, 1)
    assert held.asked == [[(0, 50)]]


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, 101)])
def test_nothing_outside_the_blob_is_asked_for(span: tuple[int, int]) -> None:
    held = Held(bytes(100))
    with pytest.raises(TocUnusable):
        Budget(held, 500, lambda _: None).read_one(*span)
    assert held.asked == []


def test_a_source_that_gives_something_else() -> None:
    held = Held(bytes(100))
    held.blob = bytes(5)
    with pytest.raises(LimitExceeded):
        Budget(held, 500, lambda _: None).read_one(0, 10)
