"""Backend plugins whose module and function are plain enough to be worked out, read as syntax and never run."""

from __future__ import annotations

import ast

from inspector.errors import InspectorError
from inspector.python.inert import NotSimple, parse_small
from inspector.python.modules import Found, find_in, find_modules
from inspector.python.sources import decode_source
from inspector.rootfs import resolve
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic


def diagnose(torch: Candidate, entry: str, owner: str) -> Diagnostic:
    """Say what loading an entry point `module:function` and calling the function does, where that is plain."""
    module, _, name = entry.partition(":")
    text = f"torch loads the backend plugin {module!r} of {owner!r}"
    try:
        bodies = _bodies(torch, module)
    except (InspectorError, NotSimple, RecursionError):
        bodies = []
    if not bodies or not name.isidentifier() or not all(map(_is_plain, bodies)):
        return Diagnostic("unknown", text)
    functions = [each for each in bodies[-1] if isinstance(each, ast.FunctionDef) and each.name == name]
    bound = {each.id for node in bodies[-1] for each in ast.walk(node) if isinstance(each, ast.Name)}
    if not functions and name not in bound and not _is_submodule(torch, module, name):
        failure = f"RuntimeError: Failed to load the backend extension of {owner!r}: {module!r} has no {name!r}"
        return Diagnostic("no", failure)
    texts = {each.targets[0].id for each in bodies[-1] if _is_constant(each)}  # type: ignore[attr-defined]
    raises = bool(functions) and name not in bound and isinstance(functions[-1].body[0], ast.Raise)
    if raises or (name in texts and not functions):
        why = "raises an exception" if raises else "is no function"
        return Diagnostic("no", f"RuntimeError: Failed to load the backend extension of {owner!r}: {name!r} {why}")
    if functions and name not in bound and _does_nothing(functions[-1]):
        return Diagnostic("note", text)
    return Diagnostic("unknown", text)


def _bodies(torch: Candidate, module: str) -> list[list[ast.stmt]]:
    """Return the statements of a module, those of the packages above it before; none where they can't be had."""
    bodies: list[list[ast.stmt]] = []
    found: Found | None = None
    for name in module.split("."):
        if found is None:
            found = next(find_modules(torch.folders, torch.interpreter.search_path, name, torch.suffixes), None)
        else:
            found = find_in(torch.folders, found.path, name, torch.suffixes) if found.form == "package" else None
        if found is None or found.loader != "source" or not found.origin or torch.content is None:
            return []
        content = torch.content(resolve(torch.folders.fs, found.origin) or found.origin)
        bodies.append(parse_small(decode_source(content)).body)
    return bodies


def _is_submodule(torch: Candidate, module: str, name: str) -> bool:
    first, *rest = module.split(".")
    found = next(find_modules(torch.folders, torch.interpreter.search_path, first, torch.suffixes), None)
    for each in (*rest, name):
        found = find_in(torch.folders, found.path, each, torch.suffixes) if found and found.form == "package" else None
    return found is not None


def _is_plain(body: list[ast.stmt]) -> bool:
    """Test whether a module binds constants and functions alone, so that it can't fail."""
    return all(_is_inert(each) or _is_function(each) for each in body)


def _is_function(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or node.returns or node.name == "__getattr__":
        return False
    arguments = node.args
    return not any([arguments.posonlyargs, arguments.args, arguments.kwonlyargs, arguments.vararg, arguments.kwarg])


def _is_inert(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case _:
            return _is_constant(node)


def _is_constant(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    )


def _does_nothing(function: ast.FunctionDef) -> bool:
    return all(
        _is_inert(each) or (isinstance(each, ast.Return) and isinstance(each.value, ast.Constant | None))
        for each in function.body
    )
