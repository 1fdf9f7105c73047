"""Code objects as the Python that runs the tests writes them, whole, cut and of garbage."""

from __future__ import annotations

import marshal
import sys

import pytest

from inspector.python.code_objects import is_cut

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
SOURCE = """
import os, sys
def f(a, b=(1, 2.5, "x", b"y", None, ..., 10**40, 3j), *c, **d):
    return [each for each in a if each in {1, 2, 3}]
class A:
    name: str = "\N{GREEK SMALL LETTER ALPHA}"
"""
BODY = marshal.dumps(compile(SOURCE, "m.py", "exec"))

if sys.version_info >= (3, 14):
    pytest.skip("code objects of Python 3.14 and later are not followed", allow_module_level=True)


def test_a_whole_one_is_not_cut_whatever_follows_it() -> None:
    assert not is_cut(BODY, MINOR)
    assert not is_cut(BODY + b"more", MINOR)
    assert not is_cut(b"", "3.99")


@pytest.mark.parametrize("left", range(0, len(BODY), 7))
def test_every_part_of_one_is_cut(left: int) -> None:
    assert is_cut(BODY[:left], MINOR)


@pytest.mark.parametrize("body", [b"N", b"\xff" * 40, b"\xe3" + b"\xff" * 40, b"\xe3" + bytes(20) + b"(" + b"\xff" * 4])
def test_garbage_is_none(body: bytes) -> None:
    assert is_cut(body, MINOR)
