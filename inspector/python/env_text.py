"""Texts that hold an environment: what `env -S` splits into words, and folders with a file for each variable."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from inspector.errors import LimitExceeded
from inspector.python.environment import Environment
from inspector.python.files import is_listed, join, list_dir, read_text
from inspector.rootfs import Kind, Rootfs
from inspector.unknown import Unknown

MAX_FILES = 256
"""Variables of one folder."""
MAX_VALUES = 256 << 10
"""Characters of the values that take the place of variables in one text."""

_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "#": "#", "$": "$", "\\": "\\", '"': '"', "'": "'"}
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_BLANKS = " \t\n\r\f\v"


def split_string(  # noqa: C901, PLR0912 - one arm a character
    text: str, variables: Mapping[str, str]
) -> list[str] | Unknown:
    """Return the words of the text; why they can't be told, for what `env` refuses too."""
    refused = Unknown(f"env splits {text[:100]!r}, which it may refuse")
    words: list[str] = []
    word, quote, at, room = None, "", 0, MAX_VALUES
    while at < len(text):
        character = text[at]
        at += 1
        if character == quote and quote:
            quote = ""
        elif quote == "'":
            word = (word or "") + character
        elif not quote and character in _BLANKS:
            words += [] if word is None else [word]
            word = None
        elif not quote and character in "'\"":
            quote, word = character, word or ""
        elif character == "#" and word is None:
            break
        elif character == "\\":
            following = text[at : at + 1]
            at += 1
            if following == "c" and not quote:
                break
            if following == "_" and not quote:
                words += [] if word is None else [word]
                word = None
            elif following == "_" or following in _ESCAPES:
                word = (word or "") + (" " if following == "_" else _ESCAPES[following])
            else:
                return refused
        elif character == "$":
            found = _VARIABLE.match(text, at - 1)
            if found is None:
                return refused
            at, value = found.end(), variables.get(found[1])
            room -= len(value or "")
            if room < 0:
                return refused
            word = word if value is None else (word or "") + value
        else:
            word = (word or "") + character
    return refused if quote else words + ([] if word is None else [word])


def with_envdir(fs: Rootfs, environment: Environment, folder: str) -> Environment:
    """Return the environment with what the files of a folder say; an empty one unsets. Raises `NotKept`."""
    path = join(environment.cwd, folder)
    children = list_dir(fs, path)
    if not is_listed(children) or len(children) > MAX_FILES:
        raise LimitExceeded(f"the variables in {path!r} can't be listed")
    variables = dict(environment.variables)
    for name, node in children.items():
        if name.startswith(".") or "=" in name or node.kind is Kind.DIRECTORY:
            continue
        variables.pop(name, None)
        text = read_text(fs, join(path, name)) or ""
        if text:
            variables[name] = text.partition("\n")[0].rstrip(" \t").replace("\0", "\n")
    variables.setdefault("PATH", "/bin:/usr/bin")
    return msgspec.structs.replace(environment, variables=variables)
