"""What an image may call things, and what is shown of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.escape import LONGEST, cut, escape, in_ascii
from tests.effort import examples

ANY = st.text(st.characters(codec=None, categories=None))


@examples(50)
@given(ANY)
def test_whatever_comes_in_only_ink_comes_out(text: str) -> None:
    shown = escape(text)
    assert shown.isprintable()
    shown.encode()


@examples(50)
@given(ANY)
def test_escaping_twice_changes_nothing_more(text: str) -> None:
    assert escape(escape(text)) == escape(text)


@examples(50)
@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_has_ink_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name:1.0", "plain name:1.0"),
        ("größe/日本", "größe/日本"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u200b\u2066\ufeff\u00ad", r"\u200b\u2066\ufeff\xad"),
        ("\u2028\u2029\u00a0", r"\u2028\u2029\xa0"),
        ("\udcff\ud800", r"\udcff\ud800"),
        ("\U000e0041\U0010ffff", r"\U000e0041\U0010ffff"),
    ],
)
def test_names_that_would_act_upon_a_terminal(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_a_text_of_megabytes_is_cut_for_people() -> None:
    assert cut("x" * LONGEST) == "x" * LONGEST
    assert cut("x" * 3_000_000) == "x" * LONGEST + "…"


def test_a_clause_in_ascii_is_cut_before_it_is_escaped() -> None:
    assert in_ascii("zażółć\n", 4) == r"za\u017c\xf3"
