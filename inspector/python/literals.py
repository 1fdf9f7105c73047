"""The literal values that a Python source assigns to names at its top level: read as syntax, never run."""

from __future__ import annotations

import warnings
from typing import Any

MAX_LINES = 5000


class NotLiteral:
    """The value of a name that is assigned something else than a literal."""


NOT_LITERAL = NotLiteral()


def parse_literals(text: str, max_size: int) -> dict[str, Any]:
    """Name to value; the last assignment wins. Raises `ValueError` for what is no Python, or past the bounds."""
    import ast  # noqa: PLC0415 - needed only where there is a torch

    if len(text) > max_size or text.count("\n") > MAX_LINES:
        raise ValueError(f"its {len(text)} characters are more than such a file has")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray escape in the image's source is no warning of ours
            body = ast.parse(text).body
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"it is no Python source: {type(error).__name__}") from error
    found: dict[str, Any] = {}
    for statement in body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        value = getattr(statement, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                found[target.id] = _value(ast, value)
    return found


def _value(ast: Any, node: Any) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return NOT_LITERAL
