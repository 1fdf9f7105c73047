"""Expected texts kept as files: compared, or written anew with `pytest --update-golden`."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def cases(folder: str) -> list[Path]:
    """Every expected text in the folder, in order of name."""
    return sorted(path for path in (FOLDER / folder).iterdir() if path.is_file())


def compare(path: Path, text: str, config: pytest.Config) -> None:
    """Hold `text` against the file, byte for byte; with the update switch, write it."""
    if config.getoption("update_golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()
