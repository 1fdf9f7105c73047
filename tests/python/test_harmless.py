"""Start-up modules that change nothing of what is imported, and others."""

from __future__ import annotations

import pytest

from inspector.python.harmless import MAX_DEPTH, is_harmless

HARMLESS = (
    "x = 1",
    '"""Text."""\nimport os, sys\n\nDEBUG = os.environ.get("D", "") == "1"\nif DEBUG:\n    print("starting", sys.argv)',
    "import warnings\nwarnings.filterwarnings('ignore', category=DeprecationWarning)",
    "try:\n    import json\nexcept ImportError:\n    json = None",
    "def later(x, *y):\n    import torch\n    torch.die()",
    "from typing import Any",
    "x = undefined",
)
OTHERS = (
    "import sys\nsys.path.insert(0, '/opt/p')",
    "import sys\nsys.modules['torch'] = None",
    "import os\nos.environ['X'] = '1'",
    "import torch",
    "from os import *",
    "def print():\n    import torch\nprint()",
    "from os import _exit as print\nprint(0)",
    "import os\nprint = os._exit\nprint(0)",
    "import os as sys",
    "try:\n    x = 1\nexcept OSError as print:\n    pass",
    "def f(x: exit()):\n    pass",
    "def f(x=exit()):\n    pass",
    "def f() -> exit():\n    pass",
    "@exit\ndef f():\n    pass",
    "class A:\n    pass",
    "x = 9 ** 9 ** 9",
    "[exit() for _ in x]",
    "lambda: 1",
    "raise SystemExit",
    "import warnings\nwarnings.filterwarnings('error')",
    "while True:\n    pass",
    "exec('import torch')",
    "no python",
    "if x:\n" + "".join(f"{' ' * depth}if x:\n" for depth in range(1, MAX_DEPTH + 2)) + " " * 40 + "pass",
)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless(text: str) -> None:
    assert is_harmless(text)


@pytest.mark.parametrize("text", OTHERS)
def test_all_else_may_change_an_import(text: str) -> None:
    assert not is_harmless(text)
