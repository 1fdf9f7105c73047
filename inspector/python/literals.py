"""The literal values that a Python source assigns to names at its top level: read as syntax, never run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

MAX_LINES = 5000
"""Lines of a source past which it is not parsed."""
MAX_NESTING = 1500
"""Signs and words of a source that may put one expression or statement into another.

The parser takes some 500 bytes of the C stack for each level, and threads may have no more than 512 KiB.
"""
MAX_BRANCHES = 20
"""Conditions at the top level that are decided one after another."""
MAX_DEPTH, MAX_TEXT = 20, 4096
"""Levels of an expression that is worked out, and characters of a text that it puts together."""
_METHODS = frozenset({"lower", "lstrip", "replace", "rstrip", "strip", "upper"})
_OF_MODULES = {"os.sep": "/", "os.pathsep": ":", "os.linesep": "\n", "os.name": "posix", "sys.platform": "linux"}
_SET_LATER = frozenset({"HOSTNAME", "TERM", "LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_", "container"})
"""Variables that engines, shells or Python set."""
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


def parse_literals(text: str, max_size: int, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Name to value; the last assignment wins, and a name bound in any other way as well is none of literals.

    `variables` are those of the environment, where they are known.

    Raises `ValueError` for what is no Python, past the bounds, or able to bind names that it does not show.
    """
    import ast

    from inspector.work.parsing import parse_python

    if len(text) > max_size or text.count("\n") > MAX_LINES:
        raise ValueError(f"its {len(text)} characters are more than such a file has")
    code = text if _FORMATTED.search(text) else _TEXTS.sub(" ", text)
    if sum(1 for _ in _NESTING.finditer(code)) > MAX_NESTING:
        raise ValueError("it may nest deeper than such a file does")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray escape in the image's source is no warning of ours
            tree = parse_python(text)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"it is no Python source: {type(error).__name__}") from error
    environ = None if variables is None or _imports_others(ast, tree) else _Environ(variables)
    for _ in range(MAX_BRANCHES):
        found, branch = _assigned(ast, tree, environ)
        if branch is None:
            return found
        at = tree.body.index(branch.statement)
        tree.body[at : at + 1] = branch.body
    raise ValueError(f"it has more than {MAX_BRANCHES} conditions")


def _imports_others(ast: Any, tree: Any) -> bool:
    """Tell whether it imports what may change the environment."""
    for node in ast.walk(tree):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        if not {*names} <= {"__future__", "os", "sys", "typing"}:
            return True
    return False


class _Branch(NamedTuple):
    """An `if` of the top level whose test is decided, and the statements that run."""

    statement: Any
    body: list[Any]


def _assigned(ast: Any, tree: Any, environ: _Environ | None) -> tuple[dict[str, Any], _Branch | None]:
    """Work out the top level's assignments to plain names, in their order; then refuse other code.

    The first `if` that is decided is returned, and all is to be done once more without it.
    """
    steps = list(_assignments(ast, tree))
    otherwise = set(_bound_otherwise(ast, tree, {target for target, _ in steps}))
    imports = {each.name: node.lineno for node in tree.body if isinstance(node, ast.Import) for each in node.names}
    modules = {each: imports[each] for each in ("os", "sys") if each in imports and _is_bound_once(ast, tree, each)}
    known: dict[str, Any] = {}
    found: dict[str, Any] = {}
    worked_out = []
    for target, node in steps:
        if node is None:
            continue
        known |= {name: _Module(name, environ) for name, line in modules.items() if line < node.lineno}
        value = _value(ast, node, known, MAX_DEPTH)
        if isinstance(target, ast.If):
            if _is_plain(value):
                return {}, _Branch(target, target.body if value else target.orelse)
            continue
        value = found[target.id] = value if _is_plain(value) else NOT_LITERAL
        if value is not NOT_LITERAL:
            worked_out.append(node)
        if target.id not in otherwise:
            known[target.id] = value
    _refuse_code(ast, tree, worked_out)
    if environ is not None and environ.missing:
        raise ValueError(f"it asks for the variable {environ.missing[0][:100]!r}, which isn't set: a KeyError")
    return found | dict.fromkeys(otherwise, NOT_LITERAL), None


def _assignments(ast: Any, tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each plain name that a statement of the top level assigns to, with the value, if any.

    An `if` is yielded with its test.
    """
    for statement in tree.body:
        if isinstance(statement, ast.If):
            yield statement, statement.test
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((target, statement.value) for target in targets if isinstance(target, ast.Name))


def _is_bound_once(ast: Any, tree: Any, name: str) -> bool:
    """Test whether nothing but `import NAME` binds a name."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()) if node.id == name:
                return False
            case ast.ImportFrom(names=names) if any((each.asname or each.name) == name for each in names):
                return False
            case ast.Import(names=names):
                bound = {each.asname or each.name.partition(".")[0] for each in names if each.name != name}
                if name in bound | {each.asname for each in names}:
                    return False
            case _ if getattr(node, "name", None) == name and not isinstance(node, ast.alias):
                return False
    return True


def _bound_otherwise(ast: Any, tree: Any, plain: Collection[Any]) -> Iterator[str]:
    """Yield the names that conditions, loops, imports, unpacking, `+=`, `del` or definitions give a value, or may."""
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


def _refuse_code(ast: Any, tree: Any, worked_out: Collection[Any]) -> None:
    """Raise `ValueError` for what runs as the source is imported and may bind any name: calls, or changes of objects.

    Functions run only once they are called; what was worked out is known.
    """
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if node in worked_out:
            continue
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


class _Environ:
    """The environment's variables; `missing` takes in those that a subscript asks for and that aren't set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.missing: list[str] = []

    def get(self, name: Any, default: Any = None) -> Any:
        """Return a variable, or the default where it certainly isn't set."""
        if not isinstance(name, str) or name in _SET_LATER:
            return NOT_LITERAL
        return self._variables.get(name, default)

    def subscript(self, name: Any) -> Any:
        """Return a variable that is set."""
        value = self.get(name, None)
        if value is None:
            self.missing.append(name)
        return NOT_LITERAL if value is None else value


class _Module:
    """A module of the standard library that a source imports, with the environment, where that is known."""

    def __init__(self, name: str, environ: _Environ | None = None) -> None:
        self.name = name
        self.environ = environ if name == "os" else None


def _value(ast: Any, node: Any, known: Mapping[str, Any], depth: int) -> Any:
    """Return the value of a literal, or of what is put together of literals and of names that are bound to such."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _combined(ast, node, known, depth) if depth else NOT_LITERAL


def _combined(  # noqa: C901, PLR0911, PLR0912 - one for each form
    ast: Any, node: Any, known: Mapping[str, Any], depth: int
) -> Any:
    """Return the value of a name, of texts put together, of a choice that literals decide, of a text's method."""
    below = partial(_value, ast, known=known, depth=depth - 1)
    match node:
        case ast.Name():
            return known.get(node.id, NOT_LITERAL)
        case ast.Attribute() if isinstance(owner := below(node.value), _Module):
            if node.attr == "environ" and owner.environ is not None:
                return owner.environ
            return _OF_MODULES.get(f"{owner.name}.{node.attr}", NOT_LITERAL)
        case ast.BinOp(op=ast.Add()):
            return _sum(below(node.left), below(node.right))
        case ast.JoinedStr():
            return _joined([below(each) for each in node.values])
        case ast.FormattedValue(conversion=-1, format_spec=None):
            return _joined([below(node.value)])
        case ast.Subscript() if isinstance(owner := below(node.value), _Environ):
            return owner.subscript(below(node.slice))
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
            return _compared(type(node.ops[0]).__name__, below(node.left), below(node.comparators[0]))
        case ast.UnaryOp(op=ast.Not()):
            value = below(node.operand)
            return not value if _is_plain(value) else NOT_LITERAL
        case ast.IfExp():
            test = below(node.test)
            return below(node.body if test else node.orelse) if _is_plain(test) else NOT_LITERAL
        case ast.BoolOp():
            return _chosen(map(below, node.values), until=isinstance(node.op, ast.Or))
        case ast.Call(func=ast.Attribute(), keywords=[]) if node.func.attr in _METHODS:
            return _called(below(node.func.value), node.func.attr, [below(each) for each in node.args])
        case ast.Call(func=ast.Attribute(attr="get" | "getenv"), args=[_] | [_, _], keywords=[]):
            owner = below(node.func.value)
            if isinstance(owner, _Module) and node.func.attr == "getenv":
                owner = owner.environ
            return owner.get(*map(below, node.args)) if isinstance(owner, _Environ) else NOT_LITERAL
        case _:
            return NOT_LITERAL


def _is_plain(value: Any) -> bool:
    return not isinstance(value, NotLiteral | _Module | _Environ)


def _compared(how: str, left: Any, right: Any) -> Any:
    """Compare two texts or None, or look for a name among the environment's variables."""
    if isinstance(right, _Environ) and how in ("In", "NotIn"):
        value = right.get(left)
        return (value is not None) is (how == "In") if _is_plain(value) else NOT_LITERAL
    if how in ("Is", "IsNot") and right is not None:
        return NOT_LITERAL
    if how in ("In", "NotIn") or not all(isinstance(each, str | bool | None) for each in (left, right)):
        return NOT_LITERAL
    return (left == right) is (how in ("Eq", "Is"))


def _called(owner: Any, method: str, given: list[Any]) -> Any:
    """Call a method of a text with texts."""
    if not all(isinstance(each, str) and len(each) <= MAX_TEXT for each in (owner, *given)):
        return NOT_LITERAL
    try:
        value = getattr(owner, method)(*given)
    except (TypeError, ValueError):
        return NOT_LITERAL
    return value if len(value) <= MAX_TEXT else NOT_LITERAL


def _sum(left: Any, right: Any) -> Any:
    """Put two texts together. Raises `ValueError` for a text and what Python can't add to one."""
    if isinstance(left, str) != isinstance(right, str) and all(
        isinstance(each, str | int | None) for each in (left, right)
    ):
        raise ValueError("it adds a text and something else, which is a TypeError")
    return _joined([left, right])


def _joined(parts: list[Any]) -> Any:
    texts = all(isinstance(each, str) for each in parts)
    return "".join(parts) if texts and sum(map(len, parts)) <= MAX_TEXT else NOT_LITERAL


def _chosen(values: Iterable[Any], *, until: bool) -> Any:
    """Return what `or` (`until` true) or `and` gives: the first value that decides, else the last."""
    value = NOT_LITERAL
    for value in values:
        if not _is_plain(value) or bool(value) is until:
            break
    return value
