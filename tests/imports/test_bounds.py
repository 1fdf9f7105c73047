"""Sources that are made to cost: each ends soon, in an answer that says why it is not known, or in a plain one."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.imports.statements import MAX_CHARACTERS, MAX_TOKENS, read_statements
from tests.imports.asking import config, ours, write

VERSION = (3, 11)


@pytest.mark.parametrize(
    "text",
    [
        "#" * (MAX_CHARACTERS + 1),
        "a+" * MAX_TOKENS + "a",
        "(" * 100_000,
        "-" * 60_000 + "1",
        "x = " + "[" * 400 + "]" * 400,
    ],
)
def test_what_is_too_large_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        read_statements(text, VERSION)


HOSTILE = {
    "calls": "".join(f"def f{n}():\n" + f"    f{n + 1}()\n" * 9 for n in range(40)) + "def f40():\n    pass\nf0()\n",
    "loops": "".join(f"{'  ' * n}for a{n} in ({'1, ' * 60}):\n" for n in range(8)) + "  " * 8 + "b = 1\n",
    "texts": "x = 'ab'\n" + "x = x + x\n" * 60,
    "tuples": "x = (1, 2)\n" + "x = (x, x)\ny = (x, x)\n" * 60 + "if x == y:\n    import gone_away\n",
    "lists": "x = [1]\n" + "x = x + x\n" * 60,
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", HOSTILE)
def test_what_never_ends_ends(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"m.py": HOSTILE[name]})
    answer = ours("m", config([tmp_path], tmp_path))
    assert answer.importable in ("yes", "unknown")


def test_imports_within_imports_are_bounded(tmp_path: Path) -> None:
    write(tmp_path, {f"a{n}.py": f"import a{n + 1}" for n in range(300)} | {"a300.py": ""})
    answer = ours("a0", config([tmp_path], tmp_path))
    assert answer.importable == "unknown"
