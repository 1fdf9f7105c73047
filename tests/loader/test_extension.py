"""Extension modules of this Python, and modules that are none, opened by the model as by `import`."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.loader import ImportFailure, LoadFailure, Process, at_each_level, built_in_modules, import_extension
from inspector.loader.extension import open_library
from inspector.loader.model import Loaded
from tests.loader.host import DirectoryRootfs
from tests.loader.room import level
from tests.loader.test_sweep import rights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the loader is Linux's")


@pytest.fixture
def process() -> Process:
    """The interpreter of this test, started."""
    process = Process(DirectoryRootfs(), {}, rights=rights(), level=level())
    assert isinstance(process.start(sys.executable), Loaded)
    return process


def extensions() -> list[tuple[str, str]]:
    """The standard library's extension modules, by name and path."""
    found = []
    for name in sorted(sys.stdlib_module_names):
        spec = importlib.util.find_spec(name) if name not in ("antigravity", "this") else None
        if spec is not None and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader) and spec.origin:
            found.append((name, spec.origin))
    return found


def test_built_in_modules(process: Process) -> None:
    assert built_in_modules(process) == set(sys.builtin_module_names)


def test_the_standard_library_s_extensions_load_as_they_really_do(process: Process) -> None:
    found = extensions()
    assert found
    code = (
        "import sys\nfor name in sys.argv[1:]:\n try: __import__(name); print('OK')\n except ImportError as e: print(e)"
    )
    names = [name for name, _ in found]
    real = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    mine = [failure.text if (failure := import_extension(process, *each)) else "OK" for each in found]
    assert mine == real.stdout.splitlines()


def test_a_library_is_no_module(process: Process) -> None:
    path = dict(extensions())["_ctypes"]
    failure = import_extension(process, "package.other", path)
    text = "dynamic module does not define module export function (PyInit_other)"
    assert failure == ImportFailure(error="ImportError", text=text)
    assert str(failure) == f"ImportError: {text}"


def test_what_is_not_there_is_an_error_of_ctypes(process: Process) -> None:
    failure = open_library(process, "/none.so")
    assert str(failure) == "OSError: /none.so: cannot open shared object file: No such file or directory"


def test_an_interpreter_that_is_no_program() -> None:
    process = Process(DirectoryRootfs(), {}, rights=rights())
    for path in ("/none", "/", str(Path(__file__))):
        assert isinstance(process.start(path), LoadFailure)
    failure = process.dlopen("libc.so.6")
    assert isinstance(failure, LoadFailure)
    assert failure.certainty == "unknown"


def test_a_library_can_be_tried_alone(process: Process) -> None:
    before = [each.file for each in process.loaded]
    with process.trying():
        assert import_extension(process, *extensions()[0]) is None
        assert len(process.loaded) > len(before)
    assert [each.file for each in process.loaded] == before


@pytest.mark.parametrize(("answers", "doubtful"), [({2: "a", 3: "a"}, False), ({2: "a", 3: "b"}, True)])
def test_an_answer_that_depends_on_the_processor(answers: dict[int, str], doubtful: bool) -> None:  # noqa: FBT001
    answer, doubt = at_each_level(lambda level: (answers[level], {3}), lambda one, other: one == other)
    assert answer == "a"
    assert bool(doubt) is doubtful
