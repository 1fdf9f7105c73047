"""The plan of the house, checked: who may import whom, and how large anything may grow.

Each test checks one rule over all modules, and lists every line that breaks it.
"""

from __future__ import annotations

import ast
import gc
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "inspector"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 50

VALUES = {"errors", "unknown", "escape", "words", "values", "elf", "oci", "names", "rootfs"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "unknown": set(),
    "escape": set(),
    "words": set(),
    "values": {"escape"},
    "elf": set(),
    "oci": {"errors"},
    "work": {"errors"},
    "names": {"errors"},
    "rootfs": {"errors", "elf", "work"},
    "sizes": set(),
    "home": set(),
    "log": set(),
    "http": {"errors", "escape", "work"},
    "reference": {"errors", "oci"},
    "layers": VALUES | {"sizes", "home", "log", "work"},
    "engine": VALUES | {"sizes", "home", "log", "work", "http"},
    "registry": VALUES | {"sizes", "home", "log", "work", "http", "reference"},
    "sources": VALUES | {"home", "log", "work", "http", "reference", "layers", "engine", "registry"},
    "python": VALUES | {"work"},
    "loader": VALUES | {"elf", "work"},
    "imports": VALUES | {"work", "python", "loader"},
    "torchbuild": VALUES | {"work", "python", "loader", "imports"},
    "gpu": VALUES | {"work", "python", "torchbuild"},
    "facts": VALUES | {"log", "work", "layers", "sources", "python", "loader", "torchbuild", "imports", "gpu"},
    "policy": VALUES | {"sizes", "reference", "python", "torchbuild", "imports", "gpu", "facts"},
    "report": VALUES | {"sizes", "reference", "python", "torchbuild", "imports", "gpu", "facts", "policy"},
    "runtime": VALUES | {"work", "engine", "sources", "python", "torchbuild", "gpu", "facts"},
    "pipeline": VALUES | {"log", "work", "reference", "layers", "registry", "sources", "facts", "policy", "runtime"},
    "api": VALUES
    | {"sizes", "work", "reference", "layers", "sources", "python", "torchbuild", "imports", "gpu", "facts"}
    | {"policy", "report", "runtime", "pipeline"},
    "cluster": VALUES | {"work", "layers", "registry", "sources", "pipeline"},
    "watch": VALUES | {"registry", "policy", "pipeline"},
    "cli": VALUES
    | {"sizes", "log", "work", "reference", "layers", "engine", "registry", "sources", "imports", "gpu"}
    | {"facts", "policy", "report", "runtime", "pipeline", "cluster", "watch"},
    "testing": set(),
}
"""Room to the rooms that it may import; the ground floor first. A room is a module or a package."""

SEAM = {f"inspector.pipeline{name}" for name in ("", ".audit", ".executor", ".model", ".roles", ".scopes")}
"""What a room above the pipeline may import of it, the command line apart."""

MAX_STOREYS = 12
"""Rooms that stand on one another between the ground, which imports none, and the command line."""

FRONT_DOOR = set(ALLOWED) - {"cli", "testing"}
"""What `import inspector` may offer."""


def name_of(path: Path) -> str:
    """The dotted name that `path` is imported by."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room that a module of ours lies in; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


@cache
def parsed() -> dict[Path, ast.Module]:
    """The syntax of every module; to look for cycles meanwhile takes twice as long again."""
    gc.disable()
    try:
        return {path: ast.parse(path.read_bytes()) for path in MODULES}
    finally:
        gc.enable()


@cache
def imports_of(path: Path) -> tuple[tuple[int, str], ...]:
    """Every import of a module, those inside functions too: its line, and the module that it names."""
    return tuple(_imports(parsed()[path]))


def _imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            named = [f"{base}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name if _is_module(name) else base) for name in named)


@cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def allowed_in(room: str) -> set[str]:
    """The rooms that a module of `room` may import, its own and the package itself among them."""
    match room:
        case "__main__":
            return {"cli", ""}
        case "":
            return FRONT_DOOR | {""}
        case _:
            return ALLOWED.get(room, set()) | {room, ""}


def every_import() -> Iterator[tuple[str, str, str]]:
    """Every import of every module: where it stands, the module's name, the name imported."""
    for path in MODULES:
        place, module = path.relative_to(ROOT), name_of(path)
        yield from ((f"{place}:{line}", module, name) for line, name in imports_of(path))


def refuse(offenders: Iterable[str]) -> None:
    """Fail with all offenders, one a line: pytest cuts a list that it compares."""
    found = list(offenders)
    assert not found, "\n".join(["", *found])


def test_no_folder_of_tests_is_skipped(pytestconfig: pytest.Config) -> None:
    """By its own default pytest skips folders named `venv`, as there are virtual environments."""
    skipped = pytestconfig.getini("norecursedirs")
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
    refuse(str(folder) for folder in folders if any(fnmatch(part, each) for part in folder.parts for each in skipped))


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > len(ALLOWED)
    assert sum(1 for _ in every_import()) > len(MODULES)


def test_every_module_lies_in_a_room_of_the_house() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES} - {"", "__main__"}
    assert rooms - ALLOWED.keys() == set(), "give them a place in ALLOWED"


def test_modules_import_only_from_rooms_below_them() -> None:
    refuse(
        f"{place}: may not import {name}"
        for place, module, name in every_import()
        if name.split(".")[0] == "inspector" and room_of(name) not in allowed_in(room_of(module))
    )


def test_the_table_has_no_way_back() -> None:
    below: set[str] = set()
    for room, allowed in ALLOWED.items():
        assert allowed <= below, f"{room} may import {allowed - below}, which stand above it"
        below.add(room)


def test_at_most_so_many_rooms_stand_on_one_another() -> None:
    storeys: dict[str, int] = {}
    for room, allowed in ALLOWED.items():
        storeys[room] = 1 + max((storeys[below] for below in allowed), default=-1)
    assert storeys["cli"] - 1 <= MAX_STOREYS, storeys


def test_what_stands_on_the_pipeline_uses_its_seam() -> None:
    refuse(
        f"{place}: may not import {name}"
        for place, module, name in every_import()
        if room_of(module) in {"cluster", "watch"} and room_of(name) == "pipeline" and name not in SEAM
    )


def test_no_import_is_relative() -> None:
    refuse(place for place, _, name in every_import() if name.startswith("."))


def test_nothing_inside_is_imported_through_the_front_door() -> None:
    refuse(
        place for place, module, name in every_import() if name == "inspector" and room_of(module) not in ("cli", "")
    )


def test_what_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    known = {re.split(r"[^\w.-]", item)[0].partition(".")[0] for item in declared}
    known |= {"cyclonedx", "packageurl"} if "cyclonedx-python-lib" in known else set()
    known |= sys.stdlib_module_names | {"inspector", "compression"}
    refuse(f"{place}: {name}" for place, _, name in every_import() if name.split(".")[0] not in known)


def test_modules_stay_small() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    refuse(f"{path}: {size} lines" for path, size in sizes.items() if size > MAX_MODULE_LINES)


def test_functions_stay_small() -> None:
    refuse(
        f"{path}:{node.lineno}: {node.name}"
        for path, module in parsed().items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or sys.maxsize) - node.lineno >= MAX_FUNCTION_LINES
    )


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {name_of(path): {name for _, name in imports_of(path)} for path in MODULES}
    circles, done = [], set[str]()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            circles.append(" -> ".join([*trail[trail.index(module) :], module]))
        elif module not in done:
            for name in graph.get(module, set()):
                visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    refuse(circles)
