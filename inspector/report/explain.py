"""The explanations of checks: for people, as a page of the documentation, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import msgspec

from inspector.policy.explained import Explained, explained
from inspector.policy.model import SCHEMA
from inspector.report.document import encode

_INDENT = "  "
_INTRODUCTION = """\
# Checks

<!-- Written by `inspector explain --format markdown`: change the explanations in inspector/policy/rules. -->

Each finding names its check. A check says nothing where the role states none of its keys, unless the table says that
it is made of every image. `inspector explain CHECK` prints the same.
"""


class Explanations(msgspec.Struct, frozen=True, kw_only=True):
    """What `explain --format json` prints."""

    schema: str = SCHEMA
    checks: tuple[Explained, ...]


def render_list(checks: Sequence[Explained]) -> str:
    """Render one line a check: its id and what it proves."""
    width = max(len(each.check) for each in checks)
    return "".join(f"{each.check:{width}}  {each.proves}\n" for each in checks)


def render_text(one: Explained, width: int = 88) -> str:
    """Render all that is known of one check, wrapped."""
    parts = [("Proves", one.proves), ("Unknown when", one.unknown), ("How to mend it", one.mend), ("Keys", _keys(one))]
    return f"{one.check}\n" + "".join(
        f"\n{title}\n{fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)}\n" for title, text in parts
    )


def checks_markdown(checks: Sequence[Explained] = ()) -> str:
    """Render the page of all checks, each below a heading that is its id; `Finding.page` leads there."""
    checks = checks or list(explained().values())
    rows = [f"| [`{each.check}`](#{each.check}) | {each.proves} | {_keys(each)} |" for each in checks]
    table = ["| check | a pass proves | keys of the role |", "|---|---|---|", *rows]
    return "\n".join([_INTRODUCTION, *table, "", *map(_section, checks)])


def render_json(checks: Sequence[Explained]) -> str:
    """Render the explanations as a JSON document."""
    return encode(Explanations(checks=tuple(checks)))


def _section(one: Explained) -> str:
    return (
        f"## {one.check}\n\n{one.proves}\n\n- **Unknown when:** {one.unknown}\n"
        f"- **How to mend it:** {one.mend}\n- **Keys of the role:** {_keys(one)}\n"
    )


def _keys(one: Explained) -> str:
    return ", ".join(f"`{key}`" for key in one.keys) or "none; every image is checked"
