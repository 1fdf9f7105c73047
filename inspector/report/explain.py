"""The explanations of checks: for people, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import msgspec

from inspector.policy.explained import Explained, explained
from inspector.policy.model import SCHEMA

_INDENT = "  "
_WIDTH = 88
"""Characters of a line of prose, on however wide a terminal."""
_INTRODUCTION = """\
# Checks

<!-- Written by `inspector explain --format markdown`: change the explanations in inspector/policy/rules. -->

Each finding names its check. A check says nothing where the role states none of its keys, unless the table says that
it is made of every image. `inspector explain CHECK` prints the same.
"""


class Explanations(msgspec.Struct, frozen=True, kw_only=True):
    """What `explain` prints: some checks, or all."""

    schema: str = SCHEMA
    checks: tuple[Explained, ...]


def render_text(found: Explanations) -> str:
    """Render all that is known of each check, wrapped; where these are all checks, one line of each: what it proves."""
    if len(found.checks) < len(explained()):
        return "\n".join(map(_text, found.checks))
    width = max(len(each.check) for each in found.checks)
    return "".join(f"{each.check:{width}}  {each.proves}\n" for each in found.checks)


def render_markdown(found: Explanations | None = None) -> str:
    """Render the page of these checks, else of all, each below a heading that is its id; `Finding.page` leads there."""
    checks: Sequence[Explained] = found.checks if found else list(explained().values())
    rows = [f"| [`{each.check}`](#{each.check}) | {each.proves} | {_keys(each)} |" for each in checks]
    table = ["| check | a pass proves | keys of the role |", "|---|---|---|", *rows]
    return "\n".join([_INTRODUCTION, *table, "", *map(_section, checks)])


def _text(one: Explained) -> str:
    parts = [("Proves", one.proves), ("Unknown when", one.unknown), ("How to mend it", one.mend), ("Keys", _keys(one))]
    return f"{one.check}\n" + "".join(
        f"\n{title}\n{fill(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)}\n" for title, text in parts
    )


def _section(one: Explained) -> str:
    return (
        f"## {one.check}\n\n{one.proves}\n\n- **Unknown when:** {one.unknown}\n"
        f"- **How to mend it:** {one.mend}\n- **Keys of the role:** {_keys(one)}\n"
    )


def _keys(one: Explained) -> str:
    return ", ".join(f"`{key}`" for key in one.keys) or "none; every image is checked"
