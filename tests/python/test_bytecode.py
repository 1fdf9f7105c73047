"""Heads of byte-compiled files, made by the Python that runs the tests."""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import pytest

from inspector.python.bytecode import is_unchecked_of_another, state_of

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
MODES = py_compile.PycInvalidationMode


def compiled(folder: Path, text: str, mode: MODES) -> bytes:
    """The bytecode of a text."""
    source = folder / "m.py"
    source.write_text(text)
    return Path(str(py_compile.compile(str(source), invalidation_mode=mode))).read_bytes()


def test_a_python_loads_its_own_bytecode_and_no_other(tmp_path: Path) -> None:
    head = compiled(tmp_path, "x = 1", MODES.TIMESTAMP)[:16]
    assert state_of(head, MINOR) == ("own" if sys.version_info < (3, 14) else "unknown")
    assert state_of(head, "3.8") == "other"
    assert state_of(b"text", MINOR) == state_of(b"", MINOR) == "other"
    assert state_of(head, "9.9") == "unknown"


@pytest.mark.parametrize("mode", list(MODES))
def test_only_unchecked_bytecode_hides_another_source(tmp_path: Path, mode: MODES) -> None:
    bytecode = compiled(tmp_path, "x = 1", mode)
    assert not is_unchecked_of_another(bytecode, b"x = 1")
    assert is_unchecked_of_another(bytecode, b"y = 1") is (mode is MODES.UNCHECKED_HASH)
