"""The literal values that a Python source assigns to names at its top level: read as syntax, never run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from typing import Any

MAX_LINES = 5000
"""Lines of a source past which it is not parsed."""
MAX_NESTING = 1500
"""Signs and words of a source that may put one expression or statement into another.

The parser takes some 500 bytes of the C stack for each level, and threads may have no more than 512 KiB.
"""
_TEXTS = re.compile(
    r"""'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)"""
    r"""|'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?|#[^\n]*+""",
    re.DOTALL,
)
_FORMATTED = re.compile(r"""(?:[fFtT][rR]?|[rR][fFtT])['"]""")  # these hold expressions
_NESTING = re.compile(
    r"[({\[.~+\-*/%@&|^<>=!]+?|\b(?:and|async|await|class|def|elif|else|except|for|from|if|in|is|lambda|not|or|try|while|with"
    r"|yield)\b"
)
_HIDDEN = frozenset({"eval", "exec", "globals", "locals", "vars"})
_DECORATORS = frozenset({"classmethod", "property", "staticmethod"})


class NotLiteral:
    """The value of a name that is assigned something else than a literal."""


NOT_LITERAL = NotLiteral()


def parse_literals(text: str, max_size: int) -> dict[str, Any]:
    """Name to value; the last assignment wins, and a name bound in any other way as well is none of literals.

    Raises `ValueError` for what is no Python, past the bounds, or able to bind names that it does not show.
    """
    import ast

    if len(text) > max_size or text.count("\n") > MAX_LINES:
        raise ValueError(f"its {len(text)} characters are more than such a file has")
    code = text if _FORMATTED.search(text) else _TEXTS.sub(" ", text)
    if sum(1 for _ in _NESTING.finditer(code)) > MAX_NESTING:
        raise ValueError("it may nest deeper than such a file does")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray escape in the image's source is no warning of ours
            tree = ast.parse(text)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"it is no Python source: {type(error).__name__}") from error
    found: dict[str, Any] = {}
    plain = set()
    for statement in tree.body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        value = getattr(statement, "value", None)
        for target in targets:
            if isinstance(target, ast.Name):
                plain.add(target)
                if value is not None:
                    found[target.id] = _value(ast, value)
    return found | dict.fromkeys(_bound_otherwise(ast, tree, plain), NOT_LITERAL)


def _bound_otherwise(ast: Any, tree: Any, plain: Collection[Any]) -> Iterator[str]:
    """Yield the names that conditions, loops, imports, unpacking, `+=`, `del` or definitions give a value, or may."""
    _refuse_code(ast, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if node.id in _HIDDEN:
                raise ValueError(f"it calls {node.id!r}, which may bind any name")
            if not isinstance(node.ctx, ast.Load) and node not in plain:
                yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
            if "*" in names:
                raise ValueError("it imports whatever another module has")
            yield from names
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            yield node.name or ""
        elif isinstance(node, ast.MatchMapping):
            yield node.rest or ""


def _refuse_code(ast: Any, tree: Any) -> None:
    """Raise `ValueError` for what runs as the source is imported and may bind any name: calls, or changes of objects.

    Functions run only once they are called.
    """
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        changes = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
        decorated = any(getattr(each, "id", "") not in _DECORATORS for each in getattr(node, "decorator_list", ()))
        if isinstance(node, ast.Call) or changes or decorated:
            raise ValueError(f"it runs code in line {node.lineno}, which may bind any name")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name == "__getattr__":
                raise ValueError("it answers for names that it doesn't bind, by a function __getattr__")
            todo += [node.args, *filter(None, [node.returns])]
        elif not isinstance(node, ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _value(ast: Any, node: Any) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return NOT_LITERAL
