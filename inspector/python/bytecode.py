"""The head of byte-compiled files: which Python they are of, and whether that Python asks for their source."""

from __future__ import annotations

import importlib
from typing import Literal

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


def is_unchecked_of_another(compiled: bytes, source: bytes) -> bool:
    """Tell whether bytecode is used without a look at its source, and was not compiled of it."""
    if compiled[4:8] != b"\x01\0\0\0":
        return False
    raw = int.from_bytes(compiled[:4], "little")
    hashed: bytes = importlib.import_module("_imp").source_hash(raw, source)
    return compiled[8:16] != hashed
