"""The head of byte-compiled files: which Python they are of, and whether that Python asks for their source."""

from __future__ import annotations

import importlib
from typing import Literal

from inspector.python.code_objects import is_cut

HEAD = 16
"""Bytes before the code (PEP 552)."""

_MAGIC = {
    "3.6": 3379,
    "3.7": 3394,
    "3.8": 3413,
    "3.9": 3425,
    "3.10": 3439,
    "3.11": 3495,
    "3.12": 3531,
    "3.13": 3571,
}
"""The number that bytecode of a Python begins with (`importlib.util.MAGIC_NUMBER`), of its final releases."""

State = Literal["own", "other", "unknown"]


def state_of(head: bytes, minor: str) -> State:
    """Tell whether Python `minor`, such as `3.11`, loads bytecode that begins so: it refuses that of another minor."""
    magic = int.from_bytes(head[:2], "little") if head[2:4] == b"\r\n" else None
    if magic is None or (minor in _MAGIC and magic != _MAGIC[minor]):
        return "other"
    return "own" if minor in _MAGIC else "unknown"


_CHECKED = b"\x03\0\0\0"
_FLAGS = (b"\0\0\0\0", b"\x01\0\0\0", _CHECKED)
"""What may stand behind the number: by time and size, unchecked, by the source's sum."""


def fault_of(compiled: bytes, name: str, origin: str, minor: str) -> tuple[str, str] | None:
    """Return the error that Python `minor` raises for bytecode that it takes for its own; None where it loads."""
    if len(compiled) < HEAD:
        return "EOFError", f"reached EOF while reading pyc header of {name!r}: {origin!r}"
    if compiled[4:8] not in _FLAGS:
        return "ImportError", f"invalid flags {int.from_bytes(compiled[4:8], 'little')} in {name!r}: {origin!r}"
    if is_cut(compiled[HEAD:], minor):
        return "EOFError", f"marshal data too short: {origin!r}"
    return None


def may_be_used(compiled: bytes, source: bytes, minor: str) -> bool:
    """Tell whether bytecode beside a source may be loaded in its place; whether their times agree isn't asked."""
    if state_of(compiled, minor) != "own" or len(compiled) < HEAD:
        return False
    flags = compiled[4:8]
    if flags == _FLAGS[0]:
        return int.from_bytes(compiled[12:16], "little") == len(source) & 0xFFFFFFFF
    return flags != _CHECKED or compiled[8:16] == _sum_of(compiled, source)


def _sum_of(compiled: bytes, source: bytes) -> bytes:
    found: bytes = importlib.import_module("_imp").source_hash(int.from_bytes(compiled[:4], "little"), source)
    return found


def is_unchecked_of_another(compiled: bytes, source: bytes) -> bool:
    """Tell whether bytecode is used without a look at its source, and was not compiled of it."""
    if compiled[4:8] != b"\x01\0\0\0":
        return False
    return compiled[8:16] != _sum_of(compiled, source)
