"""The values that policy files hold: each function returns one checked, or raises `ValueError` with a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from inspector.errors import InvalidReference
from inspector.python.metadata import canonical
from inspector.python.ranges import is_plain
from inspector.reference import parse_reference

MAX_GLOB = 300
"""Characters of a pattern; longer ones are mistakes."""
MAX_REFERENCE = 4096
"""Characters of a reference, which may be a path."""
_OPERATOR = r"\s*(===|~=|==|!=|<=|>=|<|>)\s*[^\s,]+\s*"
RANGE_FORM = {"maxLength": MAX_GLOB, "pattern": rf"^[\s,]*{_OPERATOR}(,[\s,]*{_OPERATOR})*[\s,]*$"}
"""Version ranges in JSON Schema, as far as it can tell them."""
REQUIREMENT_FORM = {
    "maxLength": MAX_GLOB,
    "pattern": r"^\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*($|[(<>=!~][^\[;@]*$)",
}
"""Requirements without extras, markers and addresses."""
GLOB_FORM = {"minLength": 1, "maxLength": MAX_GLOB, "pattern": r"^\S(.*\S)?$"}
MAX_COMPARED, MAX_TOLD = 200, 30
"""Words that a mistaken one is compared with, up to a millisecond each, and words that a message names."""


def glob(text: str) -> str:
    """Return a pattern of `*`, `?` and `[…]`, case-sensitive; `*` also takes in `/`."""
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no pattern: write a name, with * ? and […] as wildcards")
    if len(text) > MAX_GLOB:
        raise ValueError(f"a pattern of {len(text)} characters; at most {MAX_GLOB} are taken")
    start = text.find("[")
    while start != -1:
        end = text.find("]", start + 2)
        if end == -1:
            raise ValueError(f"{text!r}: a '[' without its ']'")
        start = text.find("[", end)
    return text


def name_glob(text: str) -> str:
    """Return a pattern over canonical distribution names: `NVIDIA_*` is taken as `nvidia-*`."""
    return canonical(glob(text))


def specifier(text: str) -> str:
    """Return a version range as in PEP 440, such as `>=2.3,<3`."""
    _bounded(text)
    if is_plain(text):
        return text
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # 12 ms

    try:
        parts = len(SpecifierSet(text))
    except InvalidSpecifier:
        parts = 0
    if not parts:
        raise ValueError(f"{text!r} is no version range: write one as in '>=2.3,<3' or '==2.5.*'")
    return text


def requirement(text: str) -> str:
    """Return a name and perhaps a version range.

    Extras, markers and addresses are refused: nothing here judges them.
    """
    _bounded(text)
    from packaging.requirements import InvalidRequirement, Requirement  # 30 ms

    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        raise ValueError(f"{text!r} is no requirement: write one as in 'fastapi>=0.100'") from None
    if parsed.extras or parsed.marker or parsed.url:
        raise ValueError(f"{text!r}: only a name and a version range are taken, as in 'fastapi>=0.100'")
    return text


def reference(text: str) -> str:
    """Return an image as one would type it; that it exists is not asked."""
    _bounded(text, MAX_REFERENCE)
    try:
        parse_reference(text)
    except InvalidReference as error:
        raise ValueError(str(error)) from None
    return text


def _bounded(text: str, limit: int = MAX_GLOB) -> None:
    """Refuse a text that is longer than any real one, before it is parsed."""
    if len(text) > limit:
        raise ValueError(f"a text of {len(text)} characters; at most {limit} are read")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the clause that offers what is close to `word`, else all that is known."""
    allowed = sorted(islice(known, MAX_COMPARED))
    close = nearest(word, allowed)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(allowed[:MAX_TOLD])}"


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the one of `known` that is close to `word`, if one is."""
    import difflib

    allowed = sorted(islice(known, MAX_COMPARED))
    return difflib.get_close_matches(word[:MAX_GLOB], [one for one in allowed if len(one) <= MAX_GLOB], n=1)
