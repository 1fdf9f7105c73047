"""How `env -S` of GNU's coreutils splits its text into words: with quotes, escapes and `${NAME}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.unknown import Unknown

_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "#": "#", "$": "$", "\\": "\\", '"': '"', "'": "'"}
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_BLANKS = " \t\n\r\f\v"


def split_string(text: str, variables: Mapping[str, str]) -> list[str] | Unknown:
    """Return the words of the text; why they can't be told, for what `env` refuses too."""
    refused = Unknown(f"env splits {text[:100]!r}, which it may refuse")
    words: list[str] = []
    word, quote, at = None, "", 0
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
            at = found.end()
            word = (word or "") + variables[found[1]] if found[1] in variables else word
        else:
            word = (word or "") + character
    return refused if quote else words + ([] if word is None else [word])
