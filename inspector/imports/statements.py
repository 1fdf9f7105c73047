"""From a Python source to the statements that matter to its imports."""

from __future__ import annotations

import ast
import gc
import re
import sys
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from inspector.imports.expressions import IMPORTERS, calls_in, children, dotted, nodes_in, value_of
from inspector.imports.parts import bindings, changed, classes, failing, names_in, raised, taken, used, within
from inspector.imports.syntax import (
    Append,
    Bind,
    Block,
    Call,
    Class,
    Define,
    Delete,
    From,
    Handler,
    If,
    Import,
    Leave,
    Loop,
    Source,
    Statement,
    Try,
    Use,
    With,
)
from inspector.work.parsing import parse_python

MAX_CHARACTERS = 1 << 20
"""Characters of one source."""
MAX_TOKENS = 120_000
"""Words and signs of one source, outside of its texts: the parser's tree takes some 500 bytes for each."""
_SMALL = 1 << 16
_TEXTS = re.compile(
    r"""'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)"""
    r"""|'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?|#[^\n]*+""",
    re.DOTALL,
)
_TOKEN = re.compile(r"\w++|[^\w\s]")
_REGISTERS = re.compile(
    r"\bmodules\[[^\]\n]*\]\s*=(?!=)|\bmodules\.(?:setdefault|update)\(|meta_path\.(?:append|insert)\("
)
_REGISTRIES = ("modules[", "modules.", "meta_path.")
_WORD = re.compile(r"[A-Za-z_]\w*")
_DYNAMIC = frozenset({"globals", "vars", "locals", "exec", "eval", "setattr"})


def read_statements(text: str, version: tuple[int, int], *, whole: bool = False) -> Source:
    """Return the statements of a source; where `whole`, also look for errors that compiling meets past parsing.

    Raises `SyntaxError` as Python X.Y would, `ValueError` for what can't be told.
    """
    _refuse_large(text)
    collects = gc.isenabled()
    gc.disable()  # a tree has no cycles, and looking for some takes longer than parsing
    try:
        return _read(text, version, whole=whole)
    finally:
        if collects:
            gc.enable()


def _read(text: str, version: tuple[int, int], *, whole: bool) -> Source:
    if "\0" in text:
        raise SyntaxError("source code string cannot contain null bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray escape in the image's source is no warning of ours
            tree = parse_python(text, version)
            if whole and version == sys.version_info[:2]:
                compile(tree, "", "exec", dont_inherit=True)
    except SyntaxError as error:
        if version > sys.version_info[:2]:  # its grammar may have grown since
            raise ValueError(f"it can't be parsed by Python {sys.version_info[0]}.{sys.version_info[1]}") from error
        raise
    except (RecursionError, MemoryError, SystemError, ValueError) as error:
        raise ValueError(f"it can't be parsed: {type(error).__name__}: {str(error)[:100]}") from error
    try:
        return _Reader(tree, text, whole=whole).source()
    except RecursionError as error:
        raise ValueError("it nests deeper than sources do") from error


def _refuse_large(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has more than {MAX_CHARACTERS} characters")
    if len(text) > _SMALL and len(_TOKEN.findall(_TEXTS.sub(" ", text))) > MAX_TOKENS:
        raise ValueError(f"it has more than {MAX_TOKENS} words and signs")


class _Reader:
    """Reads one module. `called` are the names of functions that its own code calls, `__getattr__` among them."""

    def __init__(self, tree: ast.Module, text: str, *, whole: bool) -> None:
        self._tree = tree
        self._whole = whole
        self._text = text
        self._called: set[str] = set()
        self._reached: list[ast.AST] = []
        self._all_statements = list(within(tree.body))
        self._functions = {
            node.name: node for node in self._all_statements if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self._walrus = ":=" in text
        self._globals = "global " in text
        self._at = [node.lineno for node in self._all_statements if isinstance(node, ast.Import | ast.ImportFrom)]
        if "import_module" in text or "__import__" in text:
            calls = (each for each in nodes_in(tree) if isinstance(each, ast.Call) and dotted(each.func) in IMPORTERS)
            self._at += [each.lineno for each in calls]
        self._at.sort()

    def source(self) -> Source:
        """Return all that is kept."""
        self._called = self._find_called()
        body = tuple(self._top())
        dynamic = any(self._binds(node) for node in self._reached)
        registers = any(word in self._text for word in _REGISTRIES) and _REGISTERS.search(self._text) is not None
        words = self._words() if dynamic or registers or "__getattr__" in self._called else frozenset()
        defined = frozenset(self._functions)
        attributes = frozenset(self._attributes())
        paths, imports = "__path__" in self._text, tuple(dict.fromkeys(self._all_imports()))
        return Source(body, dynamic, words, paths, registers, defined, attributes, imports)

    def _all_imports(self) -> Iterator[tuple[int, str, str]]:
        """Yield all that is imported anywhere, in functions and methods too."""
        for node in self._all_statements:
            if isinstance(node, ast.Import):
                yield from ((0, each.name, "") for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.level, node.module or "", each.name) for each in node.names)

    def _attributes(self) -> Iterator[tuple[str, str]]:
        """Yield what code that runs as the module is imported looks up in a name of its own."""
        for node in self._reached:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield node.value.id, node.attr

    @staticmethod
    def _binds(node: ast.AST) -> bool:
        """Tell whether code that runs as the module is imported may bind names that it doesn't show."""
        return getattr(node, "id", "") in _DYNAMIC or getattr(node, "attr", "") in ("__dict__", "modules")

    def _words(self) -> frozenset[str]:
        texts = (
            node.value
            for node in nodes_in(self._tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        return frozenset(word for text in texts if len(text) < 200 for word in _WORD.findall(text))

    def _find_called(self) -> set[str]:
        """List the functions that are kept: those that the module calls, those that import, and what these call."""
        found = {"__getattr__"} & self._functions.keys()
        first: list[ast.AST] = [*self._tree.body, *(each for name in found for each in self._functions[name].body)]
        self._call_all(first, found, self._reached)
        for name, node in self._functions.items():
            if name not in found and self._imports(node):
                found.add(name)
                self._call_all([*node.body], found, [])
        return found

    def _call_all(self, todo: list[ast.AST], found: set[str], reached: list[ast.AST]) -> None:
        while todo:
            node = todo.pop()
            reached.append(node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(node, ast.If) and _is_of_another_system(node.test):
                todo += node.orelse
                continue
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in self._functions and name not in found:
                    found.add(name)
                    todo += self._functions[name].body
            todo += children(node)

    def _top(self) -> Iterator[Statement]:
        for node in self._tree.body:
            if self._whole:
                yield from used(node)
            yield from self._statement(node)

    def _block(self, body: Iterable[ast.stmt]) -> Iterator[Statement]:
        for node in body:
            yield from self._statement(node)

    def _all(self, body: Iterable[ast.stmt]) -> Block:
        return tuple(self._block(body))

    def _statement(self, node: ast.stmt) -> Iterator[Statement]:  # noqa: C901 - a case a form
        line = node.lineno
        match node:
            case ast.Import(names=names):
                yield from (Import(line, each.name, each.asname or "") for each in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                bound = tuple((each.name, each.asname or each.name) for each in names)
                yield From(line, level, module or "", bound)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node)
            case ast.ClassDef(name=name, body=body):
                yield from self._calls([*node.bases, *node.decorator_list])
                yield Class(line, name, self._all(body))
            case ast.If(test=test, body=body, orelse=orelse):
                yield from calls_in(test)
                yield from self._named(test)
                yield If(line, value_of(test), self._all(body), self._all(orelse))
            case (
                ast.For(target=target, iter=items, body=body, orelse=orelse)
                | ast.AsyncFor(target=target, iter=items, body=body, orelse=orelse)
            ):
                yield from calls_in(items)
                yield Bind(line, tuple(names_in(target)))
                name = target.id if isinstance(target, ast.Name) else ""
                yield Loop(line, name, value_of(items) if name else None, self._all(body), self._all(orelse))
            case ast.While(test=test, body=body):
                yield Loop(line, "", None, self._all(body))
            case ast.Try() | ast.TryStar():
                yield self._try(node)
            case ast.With(items=entered, body=body) | ast.AsyncWith(items=entered, body=body):
                yield from self._with(line, entered, body)
            case ast.Match():
                yield from self._match(node)
            case _:
                yield from self._simple(node)

    def _match(self, node: ast.Match) -> Iterator[If]:
        """Yield the cases; each that is one value is a comparison."""
        subject = value_of(node.subject)
        for each in node.cases:
            test = None
            if isinstance(each.pattern, ast.MatchValue) and each.guard is None:
                test = ("compare", "==", subject, value_of(each.pattern.value))
            yield If(node.lineno, test, self._all(each.body))

    def _simple(self, node: ast.stmt) -> Iterator[Statement]:  # noqa: C901, PLR0912 - as above
        line = node.lineno
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        yield from changed(node)
        yield from failing(node)
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from calls_in(value)
                yield from self._named(value)
                yield from bindings(line, targets, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                yield from calls_in(value)
                yield Bind(line, (name,), value_of(value))
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield from calls_in(value)
                yield Append(line, name)
            case ast.Expr(value=value):
                yield from calls_in(value)
                yield from self._named(value)
                if isinstance(value, ast.Name):
                    yield Use(line, value.id)
            case ast.Raise(exc=error):
                yield raised(line, error)
            case ast.Return(value=value):
                if value is not None:
                    yield from calls_in(value)
                yield Leave(line, "return", value_of(value) if value is not None else ("constant", None))
            case ast.Break():
                yield Leave(line, "break")
            case ast.Continue():
                yield Leave(line, "continue")
            case ast.Delete(targets=targets):
                yield Delete(line, tuple(name for target in targets for name in names_in(target)))
            case _:
                yield from (call for child in ast.iter_child_nodes(node) for call in calls_in(child))

    def _calls(self, nodes: Iterable[ast.expr]) -> Iterator[Call]:
        for node in nodes:
            yield from calls_in(node)
            if isinstance(node, ast.Name):
                yield Call(node.lineno, node.id, (), maybe=True)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Statement]:
        yield from self._calls(node.decorator_list)
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            yield from calls_in(default)
        if node.name not in self._called:
            yield Define(node.lineno, node.name)
            return
        inner = within(node.body) if self._globals else ()
        found = {name for each in inner if isinstance(each, ast.Global) for name in each.names}
        placed = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
        given = zip(reversed(placed), reversed(node.args.defaults), strict=False)
        named = zip((each.arg for each in node.args.kwonlyargs), node.args.kw_defaults, strict=True)
        defaults = tuple((name, value_of(value)) for name, value in (*given, *named))
        yield Define(node.lineno, node.name, self._all(node.body), tuple(placed), frozenset(found), defaults)

    def _imports(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether a function imports anything."""
        return bisect_left(self._at, node.lineno) != bisect_right(self._at, node.end_lineno or node.lineno)

    def _named(self, node: ast.AST) -> Iterator[Bind]:
        """Yield the names that `:=` binds."""
        for each in nodes_in(node) if self._walrus else ():
            if isinstance(each, ast.NamedExpr) and isinstance(each.target, ast.Name):
                yield Bind(each.lineno, (each.target.id,))

    def _try(self, node: ast.Try | ast.TryStar) -> Try:
        handlers = tuple(Handler(classes(each.type), each.name or "", self._all(each.body)) for each in node.handlers)
        return Try(node.lineno, self._all(node.body), handlers, self._all(node.orelse), self._all(node.finalbody))

    def _with(self, line: int, entered: list[ast.withitem], body: list[ast.stmt]) -> Iterator[Statement]:
        takes: tuple[str, ...] | None = ()
        for item in entered:
            yield from calls_in(item.context_expr)
            if item.optional_vars is not None:
                yield Bind(line, tuple(names_in(item.optional_vars)))
            also = taken(item.context_expr)
            takes = None if takes is None or also is None else takes + also
        yield With(line, takes, self._all(body))


def _is_of_another_system(test: ast.expr) -> bool:
    """Tell whether a test asks for another system than Linux, as `os.name == "nt"` does."""
    match test:
        case ast.Compare(
            left=ast.Attribute(value=ast.Name(id="os" | "_os"), attr="name"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=str(value))],
        ):
            return value != "posix"
        case ast.Compare(
            left=ast.Attribute(value=ast.Name(id="sys" | "_sys"), attr="platform"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=str(value))],
        ):
            return value != "linux"
        case _:
            return False
