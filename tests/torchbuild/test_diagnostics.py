"""What reasons come to."""

from __future__ import annotations

from inspector.torchbuild.diagnostics import Diagnostic, importable, some, texts

NO, UNKNOWN, NOTE = Diagnostic("no", "a"), Diagnostic("unknown", "b"), Diagnostic("note", "c")


def test_the_weightiest_decides() -> None:
    assert importable([]) == importable([NOTE]) == "yes"
    assert importable([NOTE, UNKNOWN]) == "unknown"
    assert importable([NOTE, UNKNOWN, NO]) == "no"


def test_the_weightiest_is_told_first_and_each_once() -> None:
    assert texts([NOTE, UNKNOWN, NO, NOTE]) == ("a", "b", "c")


def test_some_of_many() -> None:
    assert some(["a"]) == "'a'"
    assert some(["a", "b", "c"]) == "'a', 'b', 'c'"
    assert some(["a", "b\x1b", "c", "d", "e"]) == "'a', 'b\\x1b', 'c' and 2 more"
