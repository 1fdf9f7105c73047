"""Heads of byte-compiled files, made by the Python that runs the tests."""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import pytest

from inspector.python.bytecode import fault_of, is_unchecked_of_another, may_be_used, state_of

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


def test_bytecode_is_used_where_its_head_fits_the_source(tmp_path: Path) -> None:
    by_time, by_sum = (compiled(tmp_path, "x = 1", mode) for mode in (MODES.TIMESTAMP, MODES.CHECKED_HASH))
    written = int.from_bytes(by_time[8:12], "little")
    assert may_be_used(by_time, b"y = 1", MINOR)
    assert may_be_used(by_time, b"y = 1", MINOR, written)
    assert not may_be_used(by_time, b"y = 1", MINOR, written + 1)
    assert not may_be_used(by_time, b"y = 12", MINOR, written)
    assert may_be_used(by_sum, b"x = 1", MINOR)
    assert not may_be_used(by_sum, b"y = 1", MINOR)
    assert not may_be_used(by_time[:4] + b"\xff" + by_time[5:], b"y = 1", MINOR, written)


def test_what_python_says_of_faulty_bytecode(tmp_path: Path) -> None:
    good = compiled(tmp_path, "x = 1", MODES.TIMESTAMP)
    assert fault_of(good, "m", "m.pyc", MINOR) is None
    for faulty, error in (
        (good[:12], "EOFError"),
        (good[:4] + b"\xff" + good[5:], "ImportError"),
        (good[:40], "EOFError"),
    ):
        fault = fault_of(faulty, "m", "m.pyc", MINOR)
        assert fault is not None
        assert fault[0] == error


@pytest.mark.parametrize("mode", list(MODES))
def test_only_unchecked_bytecode_hides_another_source(tmp_path: Path, mode: MODES) -> None:
    bytecode = compiled(tmp_path, "x = 1", mode)
    assert not is_unchecked_of_another(bytecode, b"x = 1")
    assert is_unchecked_of_another(bytecode, b"y = 1") is (mode is MODES.UNCHECKED_HASH)
