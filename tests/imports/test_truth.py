"""What our Python imports of modules made to differ, and what we say of them: the same, or that it isn't known."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.effort import some
from tests.imports.asking import config, ours, really, write

if not sys.platform.startswith("linux"):
    pytest.skip("ELF files are Linux's", allow_module_level=True)

Files = dict[str, str | bytes]


def zipped(**files: str) -> bytes:
    """A zip file of modules."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return held.getvalue()


CASES: dict[str, Files] = {
    "plain": {"m.py": "import json, os.path\nfrom collections import OrderedDict"},
    "missing": {"m.py": "import gone_away"},
    "missing-below": {"m.py": "import p.gone", "p/__init__.py": ""},
    "not-a-package": {"m.py": "import p.q", "p.py": ""},
    "name-that-is-not-bound": {"m.py": "from p import q", "p.py": "r = 1"},
    "name-bound": {"m.py": "from p import q", "p.py": "q = 1"},
    "submodule-by-from": {"m.py": "from p import q", "p/__init__.py": "", "p/q.py": ""},
    "submodule-that-fails": {"m.py": "from p import q", "p/__init__.py": "", "p/q.py": "import gone_away"},
    "optional": {"m.py": "try:\n    import gone_away\nexcept ImportError:\n    gone_away = None"},
    "optional-by-its-subclass": {"m.py": "try:\n    import gone_away\nexcept ModuleNotFoundError:\n    pass"},
    "another-class": {"m.py": "try:\n    import gone_away\nexcept OSError:\n    pass"},
    "subclass-does-not-take-its-base": {
        "m.py": "try:\n    from p import q\nexcept ModuleNotFoundError:\n    pass",
        "p.py": "",
    },
    "handler-that-fails": {"m.py": "try:\n    import gone_away\nexcept ImportError:\n    import gone_too"},
    "handler-that-raises": {
        "m.py": "try:\n    import gone_away\nexcept ImportError as e:\n    raise RuntimeError() from e"
    },
    "handler-that-raises-again": {"m.py": "try:\n    import gone_away\nexcept Exception:\n    raise"},
    "handler-not-reached": {"m.py": "try:\n    import json\nexcept ImportError:\n    import gone_away"},
    "else-reached": {"m.py": "try:\n    import json\nexcept ImportError:\n    pass\nelse:\n    import gone_away"},
    "finally-reached": {"m.py": "try:\n    import json\nfinally:\n    import gone_away"},
    "suppressed": {"m.py": "import contextlib\nwith contextlib.suppress(ImportError):\n    import gone_away"},
    "not-suppressed": {"m.py": "import contextlib\nwith contextlib.suppress(OSError):\n    import gone_away"},
    "type-checking": {"m.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gone_away"},
    "typing-type-checking": {"m.py": "import typing\nif typing.TYPE_CHECKING:\n    import gone_away"},
    "other-platform": {"m.py": "import sys\nif sys.platform == 'win32':\n    import gone_away"},
    "this-platform": {"m.py": "import sys\nif sys.platform.startswith('linux'):\n    import gone_away"},
    "old-version": {"m.py": "import sys\nif sys.version_info < (3, 8):\n    import gone_away"},
    "this-version": {"m.py": "import sys\nif sys.version_info[0] == 3:\n    import gone_away"},
    "windows": {"m.py": "import os\nif os.name == 'nt':\n    import gone_away"},
    "main": {"m.py": "if __name__ == '__main__':\n    import gone_away"},
    "environment-unset": {"m.py": "import os\nif os.environ.get('WANTED'):\n    import gone_away"},
    "environment-set": {"m.py": "import os\nif os.environ.get('SET') == '1':\n    import gone_away"},
    "constant": {"m.py": "DEBUG = False\nif DEBUG:\n    import gone_away"},
    "flag-of-an-import": {
        "m.py": "try:\n    import gone_away\n    HAS = True\nexcept ImportError:\n    HAS = False\nif not HAS:\n"
        "    raise ImportError('needs gone_away')"
    },
    "loop-over-names": {
        "m.py": "missing = []\nfor name in ('json', 'gone_away'):\n    try:\n        __import__(name)\n"
        "    except ImportError as e:\n        missing.append(name)\nif missing:\n    raise ImportError(str(missing))"
    },
    "function-not-called": {"m.py": "def f():\n    import gone_away"},
    "function-called": {"m.py": "def f():\n    import gone_away\nf()"},
    "function-of-another-module": {"m.py": "from p import f\nf()", "p.py": "def f():\n    from gone_away import x"},
    "function-that-returns-before": {"m.py": "def f():\n    return 1\n    import gone_away\nf()"},
    "class-body": {"m.py": "class C:\n    import gone_away"},
    "method-body": {"m.py": "class C:\n    def f(self):\n        import gone_away"},
    "import-module": {"m.py": "import importlib\nimportlib.import_module('gone_away')"},
    "import-module-relative": {
        "m.py": "import p",
        "p/__init__.py": "from importlib import import_module\nimport_module('.q', __name__)",
        "p/q.py": "import gone_away",
    },
    "find-spec": {
        "m.py": "from importlib.util import find_spec\nif find_spec('gone_away') is None:\n    import gone_too"
    },
    "find-spec-there": {"m.py": "import importlib.util\nif importlib.util.find_spec('json'):\n    import gone_away"},
    "star": {"m.py": "from p import *\nfrom m2 import x", "m2.py": "from p import *", "p.py": "x = 1"},
    "star-hides": {"m.py": "from m2 import _x", "m2.py": "from p import *", "p.py": "_x = 1"},
    "star-all-names-a-submodule": {
        "m.py": "from p import *",
        "p/__init__.py": "__all__ = ['q']",
        "p/q.py": "import gone_away",
    },
    "relative": {"m.py": "import p.q", "p/__init__.py": "", "p/q.py": "from .r import x", "p/r.py": "x = 1"},
    "relative-missing": {"m.py": "import p.q", "p/__init__.py": "", "p/q.py": "from .gone import x"},
    "relative-too-far": {"m.py": "import p", "p/__init__.py": "from .. import x"},
    "relative-without-package": {"m.py": "from . import x"},
    "namespace": {"m.py": "import p.q", "p/q.py": ""},
    "namespace-without-it": {"m.py": "import p.q", "p/": ""},
    "lazy-by-getattr": {
        "m.py": "from p import thing",
        "p/__init__.py": "def __getattr__(name):\n    if name == 'thing':\n        from .q import thing\n"
        "        return thing\n"
        "    raise AttributeError(name)",
        "p/q.py": "thing = 1",
    },
    "lazy-that-fails": {
        "m.py": "from p import thing",
        "p/__init__.py": "def __getattr__(name):\n    if name == 'thing':\n        from .gone import thing\n"
        "        return thing\n"
        "    raise AttributeError(name)",
    },
    "circle": {
        "m.py": "import p",
        "p/__init__.py": "from . import q",
        "p/q.py": "from . import r\nimport p.r",
        "p/r.py": "import p",
    },
    "circle-that-fails": {"m.py": "import a1", "a1.py": "import b1\nx = 1", "b1.py": "from a1 import x"},
    "syntax-error": {"m.py": "import p", "p.py": "def f(:\n"},
    "caught-syntax-error": {"m.py": "try:\n    import p\nexcept Exception:\n    pass", "p.py": "def f(:\n"},
    "null-byte": {"m.py": "import p", "p.py": b"x = 1\0"},
    "certain-raise": {"m.py": "raise RuntimeError('no')"},
    "name-error": {"m.py": "try:\n    unicode\nexcept NameError:\n    import gone_away"},
    "version-of-a-module": {
        "m.py": "import p\nfrom v import Version\nif Version(p.__version__) < Version('2'):\n    raise ImportError()",
        "p.py": "__version__ = '1.9'",
        "v.py": "class Version:\n    def __init__(self, t):\n        self.t = tuple(map(int, t.split('.')))\n"
        "    def __lt__(self, o):\n        return self.t < o.t",
    },
    "package-before-module": {"m.py": "import p.q", "p.py": "", "p/__init__.py": "", "p/q.py": ""},
    "deleted-name": {"m.py": "from p import x", "p.py": "x = 1\ndel x"},
    "compiled-of-the-library": {"m.py": "import _socket, math, _ctypes, zlib"},
    "compiled-that-is-none": {
        "m.py": "import p",
        "p.abi3.so": b"not an ELF file, though it is long enough to be one" * 3,
    },
    "compiled-and-empty": {"m.py": "import p", "p.so": b""},
    "compiled-with-another-tag": {"m.py": "import p", "p.cpython-37m-x86_64-linux-gnu.so": b""},
    "optional-compiled": {"m.py": "try:\n    import p\nexcept ImportError:\n    pass", "p.so": b""},
    "registered": {
        "m.py": "import p.made",
        "p/__init__.py": "import sys, types\nsys.modules['p.made'] = types.ModuleType('p.made')",
    },
    "long-chain": {
        "m.py": "import a0",
        **{f"a{n}.py": f"import a{n + 1}" for n in range(20)},
        "a20.py": "import gone_away",
    },
}
UNDECIDED = {"version-of-a-module", "circle-that-fails"}
"""Cases that may be answered by "unknown"."""


@pytest.mark.parametrize("name", some(CASES))
def test_the_answer_is_pythons(name: str, tmp_path: Path) -> None:
    write(tmp_path, CASES[name])
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    asked = config([tmp_path], cwd, SET="1")
    said = really("m", asked)
    answer = ours("m", asked)
    if answer.importable == "unknown" and name in UNDECIDED:
        return
    assert answer.importable == ("no" if said else "yes"), (said, answer)
    if said and answer.reasons:
        assert re.match(r"\w+", answer.reasons[0])[0] == re.match(r"\w+", said)[0]  # type: ignore[index]


def test_a_zip_file_on_the_path_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "good.zip").write_bytes(zipped(m="import inside", inside="import json"))
    (tmp_path / "bad.zip").write_bytes(zipped(m="import inside"))
    for file, expected in (("good.zip", "yes"), ("bad.zip", "no")):
        asked = config([tmp_path / file], tmp_path)
        assert ours("m", asked).importable == expected
        assert bool(really("m", asked)) == (expected == "no")


def test_the_working_directory_comes_first(tmp_path: Path) -> None:
    write(tmp_path, {"path/p.py": "import gone_away", "cwd/p.py": "", "cwd/app/main.py": "import p"})
    asked = config([tmp_path / "path"], tmp_path / "cwd")
    assert not really("app.main", asked)
    answer = ours("app.main", asked)
    assert (answer.importable, answer.followed) == ("yes", ("app", "app.main", "p"))
    assert answer.path == str(tmp_path / "cwd/app/main.py")


UNKNOWN: dict[str, Files] = {
    "bytecode-alone": {"m.pyc": b"\x00" * 16},
    "computed-name": {"m.py": "import os, importlib\nimportlib.import_module(os.getcwd())"},
    "condition-that-is-not-known": {"m.py": "import random\nif random.random() > 2:\n    import gone_away"},
    "name-that-code-may-make": {"m.py": "from p import q", "p/__init__.py": "def __getattr__(n):\n    return made(n)"},
    "other-coding": {"m.py": "# coding: utf-16\n"},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_files_do_not_decide_is_unknown(name: str, tmp_path: Path) -> None:
    write(tmp_path, UNKNOWN[name])
    answer = ours("m", config([tmp_path], tmp_path))
    assert answer.importable == "unknown"
    assert answer.reasons
