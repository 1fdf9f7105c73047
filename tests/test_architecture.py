"""The plan of the house, checked: who may import whom, and how large anything may grow."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "inspector"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 50

VALUES = {"errors", "unknown", "oci", "rootfs"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "unknown": set(),
    "oci": {"errors"},
    "rootfs": {"errors"},
    "sizes": set(),
    "home": set(),
    "work": {"errors"},
    "http": {"work"},
    "reference": {"errors", "oci"},
    "layers": VALUES | {"sizes", "home", "work"},
    "engine": VALUES | {"sizes", "home", "work", "http"},
    "registry": VALUES | {"sizes", "home", "work", "http", "reference"},
    "sources": VALUES | {"home", "work", "reference", "layers", "engine", "registry"},
    "python": VALUES | {"work"},
    "torchbuild": VALUES | {"work", "python"},
    "facts": VALUES | {"work", "layers", "sources", "python", "torchbuild"},
    "policy": VALUES | {"sizes", "reference", "python", "torchbuild", "facts"},
    "report": VALUES | {"sizes", "python", "torchbuild", "facts", "policy"},
    "runtime": VALUES | {"work", "engine", "sources", "python", "torchbuild", "facts"},
    "audit": VALUES | {"work", "reference", "layers", "registry", "sources", "facts", "policy", "runtime"},
    "cli": VALUES
    | {"sizes", "work", "reference", "layers", "engine", "sources", "facts", "policy", "report", "runtime", "audit"},
}
"""Room to the rooms that it may import; the ground floor first. A room is a module or a package."""

FRONT_DOOR = set(ALLOWED) - {"cli"}
"""What `import inspector` may offer."""


def name_of(path: Path) -> str:
    """The dotted name that `path` is imported by."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room that a module of ours lies in; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a module, those inside functions too: the statement, and the module that it names."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            named = [f"{base}.{alias.name}" for alias in node.names]
            yield from ((node, name if _is_module(name) else base) for name in named)


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def ids(path: Path) -> str:
    """A module's name in the test's name."""
    return name_of(path)


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_a_module_imports_only_from_rooms_below_it(path: Path) -> None:
    room = room_of(name_of(path))
    if room == "__main__":
        allowed = {"cli"}
    elif room == "":
        allowed = FRONT_DOOR
    else:
        assert room in ALLOWED, f"{room!r} is no room of the house: give it a place in ALLOWED"
        allowed = ALLOWED[room] | {room}
    for node, name in imports_of(path):
        if name.split(".")[0] == "inspector":
            assert room_of(name) in allowed | {""}, f"{path}:{node.lineno}: {room} may not import {name}"


def test_the_table_has_no_way_back() -> None:
    below: set[str] = set()
    for room, allowed in ALLOWED.items():
        assert allowed <= below, f"{room} may import {allowed - below}, which stand above it"
        below.add(room)


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_no_import_is_relative(path: Path) -> None:
    assert [name for _, name in imports_of(path) if name.startswith(".")] == []


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_nothing_inside_is_imported_through_the_front_door(path: Path) -> None:
    if room_of(name_of(path)) not in ("cli", ""):
        assert "inspector" not in {name for _, name in imports_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_what_is_imported_is_a_declared_dependency(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    known = {re.split(r"[^\w.-]", item)[0].partition(".")[0] for item in declared}
    tops = {name.split(".")[0] for _, name in imports_of(path)}
    assert tops <= known | sys.stdlib_module_names | {"inspector", "compression"}


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{path}:{node.lineno}: {node.name}"


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {name_of(path): {name for _, name in imports_of(path)} for path in MODULES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in done:
            for name in graph.get(module, set()):
                visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())
