"""Reading a policy file, and finding the one that a project keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inspector.errors import PolicyError
from inspector.policy.role import Policy
from inspector.policy.roletest import policy_of_roletest
from inspector.policy.tables import policy_of_tables

FILE = "inspector.toml"
PROJECT = "pyproject.toml"
MAX_FILE = 1 << 20
"""Bytes of a policy file; a larger one is something else."""


def find_policy(folder: Path) -> Path | None:
    """`inspector.toml` in `folder`, else its `pyproject.toml` if that has `[tool.inspector]`. Raises `PolicyError`."""
    if (folder / FILE).is_file():
        return folder / FILE
    project = folder / PROJECT
    return project if project.is_file() and _section(_toml(_text(project), project)) is not None else None


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """The policy in `path`: TOML, the `[tool.inspector]` of a `pyproject.toml`, or JSON. Raises `PolicyError`."""
    path = Path(path)
    text = _text(path)
    if path.suffix.lower() == ".json" or (path.suffix.lower() != ".toml" and text.lstrip().startswith("{")):
        return policy_of_roletest(_json(text, path), str(path))
    raw = _toml(text, path)
    if path.name != PROJECT:
        return policy_of_tables(raw, str(path))
    section = _section(raw)
    if section is None:
        raise PolicyError(f"{path}: no [tool.inspector] table; write the roles there, or in {FILE}")
    return policy_of_tables(section, str(path))


def _section(raw: dict[str, Any]) -> dict[str, Any] | None:
    tool = raw.get("tool")
    section = tool.get("inspector") if isinstance(tool, dict) else None
    return section if isinstance(section, dict) else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{path}: can't be read: {error.strerror or error}") from error
    if len(content) > MAX_FILE:
        raise PolicyError(f"{path}: more than {MAX_FILE} bytes, so hardly a policy file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: no UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _toml(text: str, path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - 15 ms that JSON policies don't pay

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"{path}: no valid TOML: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a key stands in it twice: JSON would silently take the last."""
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} stands more than once in one object")
    return dict(pairs)


def _json(text: str, path: Path) -> Any:
    import json  # noqa: PLC0415 - the standard decoder tells line and column

    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{path}: no valid JSON: {error}") from error
