"""Reading a policy file, and finding the one that a project keeps."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inspector.errors import Fault, PolicyError
from inspector.policy.fleets import Fleet
from inspector.policy.role import Policy
from inspector.policy.roletest import policy_of_roletest
from inspector.policy.rule import Rule
from inspector.policy.steps import shorten
from inspector.policy.tables import fleets_of_tables, policy_of_tables

FILE = "inspector.toml"
PROJECT = "pyproject.toml"
MAX_FILE = 1 << 20
"""Bytes of a policy file; a larger one is something else."""
MAX_VALUES = 20_000
"""Values of a policy, tables and lists among them: each pattern is compared with each name of each image."""
MAX_PARTS = 32
"""Parts of a dotted key of TOML."""
MAX_SHOWN = 60
"""Characters of a key that a message shows."""
_SECTION = ("tool", "inspector")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}")


def find_policy(folder: Path) -> Path | None:
    """Return `inspector.toml` in `folder`, else its `pyproject.toml` if that has `[tool.inspector]`.

    Raises `PolicyError`.
    """
    if (folder / FILE).is_file():
        return folder / FILE
    project = folder / PROJECT
    return project if project.is_file() and _section(_toml(_text(project), project)) is not None else None


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
    text = _text(path)
    is_json = _is_json(text, path)
    raw: Any = _json(text, path) if is_json else _toml(text, path)
    section = _section(raw) if path.name == PROJECT and not is_json else raw
    if section is None:
        raise PolicyError(f"{path}: no [tool.inspector] table; write the roles there, or in {FILE}")
    try:
        return (policy_of_roletest if is_json else policy_of_tables)(section, str(path), rules)
    except PolicyError as error:
        from inspector.policy.positions import placed  # most policies have no fault

        prefix = _SECTION if section is not raw else ()
        raise PolicyError.of(str(path), placed(text, error.faults, prefix, is_json=is_json)) from None


def load_fleets(path: Path, *, alone: bool = False) -> dict[str, Fleet]:
    """Load the fleets of a policy, or of a file that a policy names, where they stand `alone`. Raises `PolicyError`."""
    if not path.is_file():
        raise PolicyError(f"{path}: no such file; `inspector fleet profile -o {path.name}` writes one on a GPU host")
    text = _text(path)
    if _is_json(text, path):
        raise PolicyError(f"{path}: fleets are stated in TOML, in tables [fleets.NAME]")
    raw = _toml(text, path)
    section = _section(raw) if path.name == PROJECT else raw
    try:
        found = fleets_of_tables(section or {}, str(path), alone=alone)
    except PolicyError as error:
        from inspector.policy.positions import placed  # most files have no fault

        raise PolicyError.of(str(path), placed(text, error.faults, _SECTION if path.name == PROJECT else ())) from None
    if not found:
        raise PolicyError(f"{path}: no fleets; write at least one table [fleets.NAME]")
    return found


def _is_json(text: str, path: Path) -> bool:
    return path.suffix.lower() == ".json" or (path.suffix.lower() != ".toml" and text.lstrip().startswith("{"))


def load_settings(path: Path) -> dict[str, Any]:
    """Return `[settings]` of the policy in `path` as written, which the command line checks; empty where there is none.

    Raises `PolicyError`.
    """
    text = _text(path)
    if _is_json(text, path):
        return {}
    raw = _toml(text, path)
    stated = ((_section(raw) or {}) if path.name == PROJECT else raw).get("settings", {})
    if not isinstance(stated, dict):
        raise PolicyError(f"{path}: settings: write a table [settings]")
    return stated


def _section(raw: dict[str, Any]) -> dict[str, Any] | None:
    found: Any = raw
    for part in _SECTION:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _no_syntax(form: str, text: str, path: Path, error: Exception) -> PolicyError:
    """Return the error for what is no TOML or JSON, at the line and column that its decoder names."""
    from inspector.policy.positions import at

    fault = Fault(f"no valid {form}: {error}")
    place = getattr(error, "pos", None)  # of JSON, and of TOML from Python 3.14 on
    if place is None and (found := _PLACE.search(str(error))):
        lines = text.replace("\r\n", "\n").split("\n")  # as tomllib counts
        place = sum(len(line) + 1 for line in lines[: int(found[1]) - 1]) + int(found[2]) - 1
        text = "\n".join(lines)
    elif place is None and "end of document" in str(error):
        place = len(text)
    return PolicyError.of(str(path), [fault if place is None else at(text, fault, place, place + 1)])


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
    import tomllib  # 15 ms that JSON policies don't pay

    if _LONG_KEY.search(text):  # tomllib copies the parts before each part: 100,000 of them take all memory
        raise PolicyError(f"{path}: a key of more than {MAX_PARTS} parts")
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # such as a number of more digits than Python converts
        raise _no_syntax("TOML", text, path, error) from error
    _check_values(raw, path)
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object, unless a key stands in it twice: JSON would silently take the last."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shorten(repr(key), MAX_SHOWN)} stands more than once in one object")
        found[key] = value
    return found


def _json(text: str, path: Path) -> Any:
    import json  # the standard decoder tells line and column

    try:
        raw = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _no_syntax("JSON", text, path, error) from error
    _check_values(raw, path)
    return raw


def _check_values(raw: Any, path: Path) -> None:
    """Refuse more values than a policy has, and text that is not Unicode: JSON may escape half of a character."""
    todo, left = [("", raw)], MAX_VALUES
    while todo:
        where, value = todo.pop()
        left -= 1
        if left < 0:
            raise PolicyError(f"{path}: more than {MAX_VALUES} values; a policy has one for each key and pattern")
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, dict) else []
        for text in texts:
            found = _SURROGATE.search(text)
            if found:
                at = f"{where or 'the top level'}{', in a key' if isinstance(value, dict) else ''}"
                escaped = f"\\u{ord(found[0]):04x}"
                raise PolicyError(f"{path}: {at}: {escaped} is half of a surrogate pair, and no character: remove it")
        if isinstance(value, dict):
            todo += [(f"{where}.{key[:MAX_SHOWN]}".lstrip("."), each) for key, each in value.items()]
        elif isinstance(value, list):
            todo += [(f"{where}[{at}]", each) for at, each in enumerate(value)]
