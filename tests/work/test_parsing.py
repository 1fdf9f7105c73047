"""Parsing that other threads disturb."""

from __future__ import annotations

import ast

import pytest

from inspector.work.parsing import TRIES, parse_python


class Disturbed:
    """Loses count of its recursion so many times, then parses."""

    def __init__(self, times: int) -> None:
        self.left, self.parse = times, ast.parse

    def __call__(self, text: str, feature_version: tuple[int, int] | None) -> ast.Module:
        """Stand in for `ast.parse`."""
        self.left -= 1
        if self.left >= 0:
            raise SystemError("AST constructor recursion depth mismatch")
        return self.parse(text, feature_version=feature_version)


def test_it_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", Disturbed(TRIES - 1))
    assert len(parse_python("x = 1\ny = 2\n").body) == 2


def test_in_the_end_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", Disturbed(TRIES))
    with pytest.raises(ValueError, match="recursion depth mismatch"):
        parse_python("x = 1\n")


def test_errors_are_those_of_the_parser() -> None:
    with pytest.raises(SyntaxError):
        parse_python("x = \n")
