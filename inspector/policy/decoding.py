"""The text of a policy file, decoded: TOML, the `[tool.inspector]` of a `pyproject.toml`, or JSON, within bounds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from inspector.errors import Fault, PolicyError
from inspector.policy.steps import shorten

PROJECT = "pyproject.toml"
MAX_FILE = 1 << 20
"""Bytes of a policy file; a larger one is something else."""
MAX_VALUES = 20_000
"""Values of a policy, tables and lists among them: each pattern is compared with each name of each image."""
MAX_PARTS = 32
"""Parts of a dotted key of TOML."""
MAX_SHOWN = 60
"""Characters of a key that a message shows."""
SECTION = ("tool", "inspector")
_PLACE = r"(?a)\(at line (\d+), column (\d+)\)$"
_SURROGATE = "[\ud800-\udfff]"
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}"


def is_json(text: str, path: Path) -> bool:
    """Tell whether the file is JSON, by its ending, else by its first character."""
    return path.suffix.lower() == ".json" or (path.suffix.lower() != ".toml" and text.lstrip().startswith("{"))


def section_of(raw: dict[str, Any]) -> dict[str, Any] | None:
    """Return `[tool.inspector]`; None where there is none."""
    found: Any = raw
    for part in SECTION:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _no_syntax(form: str, text: str, path: Path, error: Exception) -> PolicyError:
    """Return the error for what is no TOML or JSON, at the line and column that its decoder names."""
    from inspector.policy.positions import at

    fault = Fault(f"no valid {form}: {error}")
    place = getattr(error, "pos", None)  # of JSON, and of TOML from Python 3.14 on
    if place is None and (found := re.search(_PLACE, str(error))):
        lines = text.replace("\r\n", "\n").split("\n")  # as tomllib counts
        place = sum(len(line) + 1 for line in lines[: int(found[1]) - 1]) + int(found[2]) - 1
        text = "\n".join(lines)
    elif place is None and "end of document" in str(error):
        place = len(text)
    return PolicyError.of(str(path), [fault if place is None else at(text, fault, place, place + 1)])


def text_of(path: Path) -> str:
    """Return the text of a file. Raises `PolicyError`."""
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


def decoded_toml(text: str, path: Path) -> dict[str, Any]:
    """Decode TOML. Raises `PolicyError` at its place."""
    import tomllib  # 15 ms that JSON policies don't pay

    if re.search(_LONG_KEY, text):  # tomllib copies the parts before each part: 100,000 of them take all memory
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


def decoded_json(text: str, path: Path) -> Any:
    """Decode JSON. Raises `PolicyError` at its place."""
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
            found = re.search(_SURROGATE, text)
            if found:
                at = f"{where or 'the top level'}{', in a key' if isinstance(value, dict) else ''}"
                escaped = f"\\u{ord(found[0]):04x}"
                raise PolicyError(f"{path}: {at}: {escaped} is half of a surrogate pair, and no character: remove it")
        if isinstance(value, dict):
            todo += [(f"{where}.{key[:MAX_SHOWN]}".lstrip("."), each) for key, each in value.items()]
        elif isinstance(value, list):
            todo += [(f"{where}[{at}]", each) for at, each in enumerate(value)]
