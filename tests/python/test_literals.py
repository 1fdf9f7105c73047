"""Literal values read from source."""

from __future__ import annotations

import pytest

from inspector.python.literals import NOT_LITERAL, parse_literals


def test_literals_of_both_kinds_of_assignment() -> None:
    text = (
        "from x import y\n__version__ = '1'\ncuda: Optional[str] = None\nboth = also = 3\nn: int\nd: dict = {'a': '/b'}"
    )
    expected = {"__version__": "1", "cuda": None, "both": 3, "also": 3, "d": {"a": "/b"}, "y": NOT_LITERAL}
    assert parse_literals(text, 1000) == expected


def test_the_last_assignment_wins_and_nothing_is_run() -> None:
    text = "a = 1\na = __import__('os').getcwd()\nd = 4\nd = 5\n"
    assert parse_literals(text, 1000) == {"a": NOT_LITERAL, "d": 5}


@pytest.mark.parametrize(
    "other",
    [
        "if x:\n    cuda = '12.6'",
        "try:\n    from x import cuda\nexcept ImportError:\n    pass",
        "cuda += '.1'",
        "cuda, hip = '12.6', None",
        "del cuda",
        "for cuda in ('12.6',):\n    pass",
        "(cuda := '12.6')",
        "from x import y as cuda",
        "import cuda.version",
        "def cuda(): ...",
        "class cuda: ...",
    ],
)
def test_a_name_bound_in_another_way_too_has_no_literal_value(other: str) -> None:
    for text in (f"cuda = None\n{other}", f"{other}\ncuda = None"):
        assert parse_literals(text, 1000)["cuda"] is NOT_LITERAL


@pytest.mark.parametrize("text", ["from x import *", "globals().update(a='2')", "exec('a = 2')", "vars()['a'] = 2"])
def test_source_that_may_bind_any_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        parse_literals(f"a = 1\n{text}", 1000)


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "a = '\0'",
        "a = " + "(" * 500,
        "a = " + "-" * 60_000 + "1",
        "x" * 70_000,
        "\n" * 6000,
        "a = \ud800",
        "a = " + "[" * 150 + "]" * 149,
    ],
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it"):
        parse_literals(text, 64 << 10)


def test_a_stray_escape_is_no_warning_of_ours() -> None:
    assert parse_literals(r"a = '\d'", 100) == {"a": "\\d"}
