"""What the results of the public API can do besides: become plain objects, and show themselves shortly or as a table.

A result says in `_headline` what it is in one line, and in `_table` what a notebook shows of it. What an image chose
itself comes escaped.
"""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.escape import escape

Row = dict[str, str | int | float | bool | None]
"""A flat record, as `pandas.DataFrame` and `csv.DictWriter` take it."""
MAX_ROWS = 100
"""Rows of a table in a notebook; `records` gives all."""
MAX_CELL = 300
"""Characters of one cell, and of a `repr`."""


class Plain(msgspec.Struct, frozen=True):
    """A value that becomes plain objects."""

    def to_dict(self) -> dict[str, Any]:
        """Return the value as JSON has it: dictionaries, lists, text, numbers, `True`, `False` and `None`."""
        plain: dict[str, Any] = _lists(msgspec.to_builtins(self))
        return plain


class Tabled(Plain, frozen=True):
    """A value that is too large to be shown whole."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {_shown(self._headline())}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the headline, and the first rows of the table."""
        import html  # notebooks alone need it

        rows = self._table()
        more = f"<p>… and {len(rows) - MAX_ROWS} more: see <code>records()</code></p>" if len(rows) > MAX_ROWS else ""
        head = _html_row(rows[0], "th") if rows else ""
        body = "".join(_html_row(row.values(), "td") for row in rows[:MAX_ROWS])
        table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>" if rows else ""
        return f"<p><b>{type(self).__name__}</b> {html.escape(_shown(self._headline()))}</p>{table}{more}"

    def _headline(self) -> str:
        """Say in one line what this is."""
        raise NotImplementedError

    def _table(self) -> list[Row]:
        """Return the rows that a notebook shows."""
        raise NotImplementedError


def _html_row(cells: Any, tag: str) -> str:
    import html

    shown = (html.escape(_shown("" if cell is None else str(cell))) for cell in cells)
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in shown)}</tr>"


def _shown(text: str) -> str:
    return escape(text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…")


def _lists(value: Any) -> Any:
    """Return lists in place of tuples, which JSON doesn't tell apart."""
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value
