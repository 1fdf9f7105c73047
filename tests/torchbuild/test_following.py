"""Sources that differ from what was installed: what the import does decides, as it does in a real Python."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from inspector.imports.find import Asked, follow
from inspector.python.environment import environment_of
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from tests.imports.asking import config, really, write
from tests.loader.host import DirectoryRootfs

if not sys.platform.startswith("linux"):
    pytest.skip("ELF files are Linux's", allow_module_level=True)

PACKAGE = {"p/__init__.py": "from p import q, r\nimport p.s.t", "p/q.py": "x = 1", "p/r.py": "def f(): pass"}
PACKAGE |= {"p/s/__init__.py": "", "p/s/t.py": "from p.q import x\ndef g():\n    import p.lazy", "p/lazy.py": ""}


@pytest.mark.parametrize(
    "changed",
    [
        {"p/q.py": "x = 1\n# by hand"},
        {"p/q.py": "x = 1\nraise RuntimeError('no')"},
        {"p/q.py": "x = 1\nraise ImportError('no')"},
        {"p/q.py": "x = 1\n1/0"},
        {"p/q.py": "x = 1\ny = 1 % 0"},
        {"p/q.py": "x = 1\nassert False"},
        {"p/q.py": "x = 1\nassert True"},
        {"p/q.py": "x = 1\nnever_bound(x)"},
        {"p/q.py": "x = 1\ny = never_bound.z"},
        {"p/q.py": "x = 1\nimport p.r\np.r.f()"},
        {"p/q.py": "x = 1\nimport json\njson.dumps([])"},
        {"p/q.py": "x = 1\nimport json\njson.never([])"},
        {"p/q.py": "x = 1\nimport sys\nsys.exit(3)"},
        {"p/q.py": "x = 1\nreturn 1"},
        {"p/q.py": "x = 1\ndef ("},
        {"p/q.py": "x = 1\0"},
        {"p/q.py": "y = 1"},
        {"p/q.py": ""},
        {"p/s/t.py": "from p.q import never"},
        {"p/s/t.py": "import p.gone"},
        {"p/s/t.py": "try:\n    import p.gone\nexcept ImportError:\n    pass"},
        {"p/s/t.py": None},
        {"p/r.py": None},
        {"p/lazy.py": None},
        {"p/lazy.py": "raise ImportError"},
        {"p/__init__.py": "from p import later\nlater = 1"},
        {"p/__init__.py": "import importlib.never"},
    ],
    ids=repr,
)
def test_a_changed_source_does_what_the_real_python_does(tmp_path: Path, changed: Mapping[str, str | None]) -> None:
    write(tmp_path, {name: text for name, text in {**PACKAGE, **changed}.items() if text is not None})
    assert _importable(tmp_path, [*changed]) == ("no" if really("p", config([tmp_path], tmp_path)) else "yes")
    shutil.rmtree(tmp_path)


def _importable(top: Path, changed: list[str]) -> str:
    asked, fs = config([top], top), DirectoryRootfs("/")
    interpreter, _ = find_interpreter(fs, asked, Path(sys.executable).name)
    assert isinstance(interpreter, Interpreter)
    question = Asked(
        fs=fs,
        environment=environment_of(fs, asked),
        interpreter=interpreter,
        content=fs.read,
        changed=lambda origin: any(origin.endswith(f"/{name}") for name in changed),
        trusted=True,
    )
    return follow(question, "p").importable
