"""Pieces that all pages share: badges, pairs, tables, bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.policy.model import FindingOutcome, Outcome
from inspector.report.html.markup import Child, Markup, el
from inspector.report.text import SYMBOLS

WORDS: dict[FindingOutcome, str] = {
    "pass": "Pass",
    "warn": "Warning",
    "unknown": "Unknown",
    "fail": "Fail",
    "waived": "Waived",
    "known": "Known",
}


def mark(outcome: FindingOutcome) -> Markup:
    """Return the mark of an outcome, which a word beside it says to those who don't see it."""
    return el("span", SYMBOLS[outcome], aria_hidden="true")


def badge(outcome: Outcome | None, word: str = "") -> Markup:
    """Return the outcome in a word, its own if none is given, with its mark."""
    if outcome is None:
        return el("span", "not judged", class_="badge")
    return el("span", mark(outcome), " ", word or WORDS[outcome], class_=f"badge {outcome}")


def pairs(found: Iterable[tuple[str, Child]], css: str = "facts") -> Markup:
    """Return terms with what is said of them."""
    return el("dl", [el("div", el("dt", term), el("dd", told)) for term, told in found], class_=css)


def table(
    caption: str, titles: Sequence[str], rows: Iterable[Sequence[Child]], css: str = "", **classes: str
) -> Markup:
    """Return a table with a caption for those who don't see it; `classes` are those of the columns of some titles."""
    head = el("tr", [el("th", title, scope="col", class_=classes.get(title)) for title in titles])
    body = [
        el("tr", [el("td", cell, class_=classes.get(title)) for title, cell in zip(titles, row, strict=True)])
        for row in rows
    ]
    return el("table", el("caption", caption), el("thead", head), el("tbody", body), class_=css or None)


def bar(size: int, largest: int) -> Markup:
    """Return a bar as long as a size is beside the largest."""
    width = f"{max(100 * size / largest, 0.5):.1f}" if largest and size else "0"
    rect = el("rect", width=f"{width}%", height="8", rx="2", fill="#6b7fd7")
    return el("svg", rect, class_="bar", aria_hidden="true", height="8", width="100%")


def section(title: str, level: int, *content: Child, anchor: str | None = None, lead: Child = None) -> Markup:
    """Return a section below its heading; `lead` is the line between."""
    return el("section", el(f"h{level}", title), el("p", lead, class_="lead") if lead else None, content, id=anchor)


def folded(summary: Child, *content: Child, is_open: bool = False) -> Markup:
    """Return content that a reader unfolds."""
    return el("details", el("summary", summary), content, open=is_open)
