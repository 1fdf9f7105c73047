"""The fakes that users test their policies with, by the examples of their own docstrings."""

from __future__ import annotations

import doctest
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import inspector.testing

ROOM = "inspector.testing"
MODULES = [ROOM, *(f"{ROOM}.{each.name}" for each in pkgutil.iter_modules(inspector.testing.__path__))]
LOADED = f"""
import sys, inspector
inspector.check
print({ROOM!r} in sys.modules)
import {ROOM}
print('pytest' in sys.modules)
"""


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", ["FakeEngine", "FakeRegistry", "Image", "tar_of"])
def test_what_users_begin_with_has_an_example(name: str) -> None:
    assert ">>>" in getattr(inspector.testing, name).__doc__


def test_the_fakes_load_no_test_framework_and_are_not_loaded_with_the_library() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
