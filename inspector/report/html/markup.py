"""The only way to markup: elements of known names and attributes, around text that is always escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import NewType

from inspector.escape import escape

Markup = NewType("Markup", str)
"""HTML that `el` and `join` made; any other text is escaped as it goes in."""
Child = Markup | str | None | Iterable["Child"]
Value = str | float | bool | None

LONGEST = 2000
"""Characters of one text."""
_TAGS = (
    "html head meta title style body main footer section h1 h2 h3 h4 p ul li dl dt dd div span strong a code "
    "table caption thead tbody tr th td details summary svg g rect text small"
)
TAGS = frozenset(_TAGS.split(" "))
_EMPTY = frozenset({"meta", "rect"})
_NAMED = (
    "class id lang charset name content http-equiv href scope role aria-label aria-hidden open x y width height rx "
    "viewBox fill"
)
ATTRIBUTES = frozenset(_NAMED.split(" "))


class _Made(str):
    """Marks text that is markup already."""

    __slots__ = ()


def text(value: str, most: int = LONGEST) -> Markup:
    """Return a text from anywhere so that a browser shows it as it is, and does nothing."""
    cut = value if len(value) <= most else f"{value[:most]}…"
    return _made(html.escape(escape(cut), quote=True))


def el(tag: str, *children: Child, **attributes: Value) -> Markup:
    """Return an element. A name such as `aria_label` or `class_` stands for `aria-label`, `class`.

    Attributes of None and False are left out. Raises `ValueError` for a tag or an attribute that no page needs, and for
    a link that leaves the page.
    """
    if tag not in TAGS:
        raise ValueError(f"<{tag}> is not for reports")
    head = "".join(_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    if tag in _EMPTY:
        return _made(f"<{tag}{head}/>" if tag == "rect" else f"<{tag}{head}>")
    return _made(f"<{tag}{head}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Return children one after another; what is not markup is escaped."""
    return _made("".join(_child(each) for each in children))


def prose(sentence: str) -> Markup:
    """Return a sentence of ours, in which paired backticks mark code, with whatever an image put into it."""
    pieces = sentence.split("`")
    if len(pieces) % 2 == 0:
        return text(sentence)
    return join(el("code", piece) if at % 2 else piece for at, piece in enumerate(pieces))


def style(css: str) -> Markup:
    """Return the style element. Raises `ValueError` for a style that would end it."""
    if "<" in css:
        raise ValueError("a style must hold no markup")
    return _made(f"<style>{css}</style>")


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, _Made):
        return child
    return text(child) if isinstance(child, str) else join(child)


def _attribute(name: str, value: Value) -> str:
    if name not in ATTRIBUTES:
        raise ValueError(f"the attribute {name!r} is not for reports")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if name == "href" and not shown.startswith("#"):
        raise ValueError("reports link to nothing outside them")
    return f' {name}="{html.escape(escape(shown), quote=True)}"'


def _made(markup: str) -> Markup:
    return Markup(_Made(markup))
