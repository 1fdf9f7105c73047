"""Code that Python runs at its start, where that fails at its first step: Python passes over it, or ends."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Callable, Container

import msgspec

from inspector.errors import InspectorError
from inspector.imports.find import Asked, follow
from inspector.python.model import Hook, Interpreter
from inspector.python.modules import find_modules
from inspector.python.sources import decode_source, read_source
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic
from inspector.work.parsing import parse_python

_CALLS = {
    ("", "exit"): "SystemExit",
    ("", "quit"): "SystemExit",
    ("os", "_exit"): "os._exit",
    ("sys", "exit"): "SystemExit",
}
"""What calls of a module's functions come to; site.py made the first two."""
_ENDS = frozenset(_CALLS.values())
_NOTHING = "nothing"
"""It imports torch and no more: what fails then fails again."""
_HIDDEN = "ModuleNotFoundError: import of torch halted; None in sys.modules"
_KNOWN = {"import sys\nsys.modules['torch'] = None": _HIDDEN, "import torch": _NOTHING}
"""Whole modules."""
_LINE = re.compile(r"import[ \t]+([A-Za-z_]\w{0,100})(?:\.\w{1,100}){0,9}[ \t]*")


def diagnose(torch: Candidate, hook: Hook) -> Diagnostic | None:
    """Say what comes of a hook that fails before it does anything; None for any other."""
    assert torch.content is not None
    bare = without_hook(torch.interpreter, hook)
    asked = Asked(fs=torch.folders.fs, environment=torch.started, interpreter=bare, content=torch.content)

    def is_missing(name: str) -> bool:
        answer = follow(asked, name)
        return answer.importable == "no" and answer.reasons[0].startswith(
            f"ModuleNotFoundError: No module named {name!r}"
        )

    try:
        text = read_source(torch.folders.fs, hook.path) or ""
        if hook.kind == "pth":
            error = _of_line(text, hook, is_missing, lambda name: _source(torch, name))
        else:
            error = _of_module(text, is_missing)
    except SyntaxError:
        if hook.kind == "pth" or not _is_older(torch.interpreter.version):
            return None
        error = "SyntaxError"
    except (InspectorError, ValueError, RecursionError):
        return None
    if error == _HIDDEN:
        return Diagnostic("no", f"{_HIDDEN}, put there by {hook.path}", path=hook.path)
    if error in _ENDS:
        return Diagnostic("no", f"{error}, raised in {hook.path}, which Python runs at its start", path=hook.path)
    if error == _NOTHING:
        return Diagnostic("note", f"{hook.path!r} imports torch at start")
    return Diagnostic("note", f"{hook.path!r} fails at start ({error}), which Python passes over") if error else None


def _is_older(version: str) -> bool:
    """Tell whether a Python of the version knows no more syntax than this one."""
    parts = version.split(".")[:2]
    return all(part.isdigit() for part in parts) and tuple(map(int, parts)) <= sys.version_info[:2]


def without_hook(interpreter: Interpreter, hook: Hook) -> Interpreter:
    """Return the interpreter as if it did not run the code."""
    return msgspec.structs.replace(interpreter, hooks=tuple(each for each in interpreter.hooks if each != hook))


def _of_line(text: str, hook: Hook, is_missing: Callable[[str], bool], source: Callable[[str], str | None]) -> str:
    """Return the error of the last line of a .pth file, which imports a module; what follows it would be left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = _LINE.fullmatch(lines[-1]) if lines and lines[-1] == hook.text.strip() else None
    if found is None:
        return ""
    if is_missing(found[1]):
        return "ModuleNotFoundError"
    inside = None if "." in found[0] else source(found[1])
    return _of_module(inside, is_missing) if inside else ""


def _source(torch: Candidate, name: str) -> str | None:
    """Return the source of a top-level module; None where it is none."""
    assert torch.content is not None
    found = next(find_modules(torch.folders, torch.interpreter.search_path, name, torch.suffixes), None)
    if found is None or found.form != "module" or found.loader != "source" or found.origin is None:
        return None
    return decode_source(torch.content(found.origin))


def _of_module(text: str, is_missing: Callable[[str], bool]) -> str:
    """Return the error that a module's first statement raises, or `import torch` behind it; empty for any other."""
    body = parse_python(text).body
    known = _KNOWN.get("\n".join(map(ast.unparse, body)))
    if known is not None:
        return known
    imported: set[str] = set()
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                continue
            case ast.Import(names=[ast.alias(name="os" | "sys" as name, asname=None)]):
                imported.add(name)
            case _:
                return _error_of(node, imported, is_missing)
    return ""


def _error_of(node: ast.stmt, imported: Container[str], is_missing: Callable[[str], bool]) -> str:
    """Return what a statement raises, or how it ends the process; empty where it may do something else."""
    match node:
        case ast.Import(names=[first, *_]):
            return "ModuleNotFoundError" if is_missing(first.name.partition(".")[0]) else ""
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name), args=[] | [ast.Constant()])):
            kind = getattr(builtins, name, None)
            plain = isinstance(kind, type) and issubclass(kind, Exception)
            return name if plain or kind is SystemExit else ""
        case ast.Expr(value=ast.Call(func=called, args=[] | [ast.Constant()], keywords=[])):
            module, _, name = ast.unparse(called).rpartition(".")
            if module.isidentifier() and module not in imported and not hasattr(builtins, module):
                return "NameError"
            return _CALLS.get((module, name), "")
        case ast.Expr(value=ast.BinOp(left=ast.Constant(int()), op=ast.Div(), right=ast.Constant(0))):
            return "ZeroDivisionError"
        case _:
            return ""
