"""The inputs that are kept: in folders by target, each file named by its content's digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
CRASHES = Path(__file__).with_name("crashes")

MOST = 1 << 20
"""Bytes of the whole corpus, so that it stays a small part of the repository."""


def inputs(target: str) -> list[Path]:
    """The files of a target, the crashes that were found among them."""
    return sorted(path for folder in (CORPUS, CRASHES) for path in (folder / target).glob("*") if path.is_file())


def room() -> int:
    """Bytes that the corpus may still grow by."""
    return MOST - sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file())


def keep(target: str, content: bytes) -> Path:
    """Put an input into the corpus."""
    path = CORPUS / target / hashlib.sha256(content).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
