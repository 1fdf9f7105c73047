"""Reading a policy file, and finding the one that a project keeps."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inspector.errors import PolicyError
from inspector.policy.decoding import PROJECT, SECTION, decoded_json, decoded_toml, is_json, section_of, text_of
from inspector.policy.role import Policy
from inspector.policy.rule import Rule
from inspector.policy.tables import policy_of_tables

FILE = "inspector.toml"


def find_policy(folder: Path) -> Path | None:
    """Return `inspector.toml` in `folder`, else its `pyproject.toml` if that has `[tool.inspector]`.

    Raises `PolicyError`.
    """
    if (folder / FILE).is_file():
        return folder / FILE
    project = folder / PROJECT
    return project if project.is_file() and section_of(decoded_toml(text_of(project), project)) is not None else None


def find_nearest(folder: Path) -> Path | None:
    """Find the policy of `folder`, else of the nearest above it. Raises `PolicyError` for an invalid one."""
    places = (find_policy(place) for place in (folder, *folder.parents))
    return next((found for found in places if found is not None), None)


def load_policy(path: str | os.PathLike[str], *, rules: Iterable[Rule] = ()) -> Policy:
    """Load the policy in `path`: TOML, the `[tool.inspector]` of a `pyproject.toml`, or JSON. Raises `PolicyError`.

    `rules` are checks beside the built-in ones (see `inspector.policy.rule`): roles may state their keys, and images
    are checked against them wherever the policy is used.
    """
    rules = tuple(rules)
    path = Path(path)
    text = text_of(path)
    from_json = is_json(text, path)
    raw: Any = decoded_json(text, path) if from_json else decoded_toml(text, path)
    section = section_of(raw) if path.name == PROJECT and not from_json else raw
    if section is None:
        raise PolicyError(f"{path}: no [tool.inspector] table; write the roles there, or in {FILE}")
    try:
        if from_json:
            from inspector.policy.roletest import policy_of_roletest  # most policies are TOML

            return policy_of_roletest(section, str(path), rules)
        return policy_of_tables(section, str(path), rules)
    except PolicyError as error:
        from inspector.policy.positions import placed  # most policies have no fault

        prefix = SECTION if section is not raw else ()
        raise PolicyError.of(str(path), placed(text, error.faults, prefix, is_json=from_json)) from None


def load_settings(path: Path) -> dict[str, Any]:
    """Return `[settings]` of the policy in `path` as written, which the command line checks; empty where there is none.

    Raises `PolicyError`.
    """
    text = text_of(path)
    if is_json(text, path):
        return {}
    raw = decoded_toml(text, path)
    stated = ((section_of(raw) or {}) if path.name == PROJECT else raw).get("settings", {})
    if not isinstance(stated, dict):
        raise PolicyError(f"{path}: settings: write a table [settings]")
    return stated
