"""Markup comes from the builder alone: text is escaped, and nothing can be built that a report has no use for."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.escape import escape
from inspector.report.html.markup import LONGEST, el, join, prose, style, text
from tests.effort import examples

ANY = st.text(st.characters(codec=None, categories=None), max_size=40)


class _Words(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.words = ""
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


@examples(200)
@given(ANY)
def test_any_text_is_read_back_as_it_is_shown(name: str) -> None:
    read = _Words(el("p", name, id=name))
    assert read.words == escape(name)
    assert read.attributes == [("p", "id", escape(name))]


def test_markup_is_taken_as_it_is_and_nothing_else() -> None:
    assert el("p", [el("code", "<b>"), None, "&"]) == "<p><code>&lt;b&gt;</code>&amp;</p>"
    assert join(["<b>", text("<i>")]) == "&lt;b&gt;&lt;i&gt;"


def test_backticks_mark_code() -> None:
    assert prose("use `a <b>` or c") == "use <code>a &lt;b&gt;</code> or c"
    assert prose("one ` alone") == "one ` alone"


def test_names_of_keywords_stand_for_attributes() -> None:
    made = el("svg", class_="a", aria_hidden="true", viewBox="0 0 1 1", open=True, id=None, height=2.5)
    assert made == '<svg class="a" aria-hidden="true" viewBox="0 0 1 1" open height="2.5"></svg>'


@pytest.mark.parametrize("tag", ["script", "iframe", "img", "link", "object", "form", "base"])
def test_no_page_has_such_an_element(tag: str) -> None:
    with pytest.raises(ValueError, match=f"<{tag}> is not for reports"):
        el(tag)


@pytest.mark.parametrize("name", ["onclick", "style", "src", "onload", "action"])
def test_no_element_has_such_an_attribute(name: str) -> None:
    with pytest.raises(ValueError, match="is not for reports"):
        el("p", **{name: "x"})


@pytest.mark.parametrize("target", ["javascript:alert(1)", "https://example.com", "//example.com", " #x"])
def test_no_link_leaves_the_page(target: str) -> None:
    with pytest.raises(ValueError, match="nothing outside"):
        el("a", href=target)


def test_a_style_can_t_end_itself() -> None:
    with pytest.raises(ValueError, match="no markup"):
        style("p{}</style>")


def test_long_texts_are_cut() -> None:
    assert len(text("x" * 10 * LONGEST)) == LONGEST + 1
