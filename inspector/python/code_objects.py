"""Code objects as CPython's marshal writes them, gone over and never made: whether one ends where its bytes do."""

from __future__ import annotations

_FIXED = {**dict.fromkeys(b"0NFTS.", 0), ord("i"): 4, ord("I"): 8, ord("g"): 8, ord("y"): 16, ord("r"): 4}
_SIZED, _SHORT = b"stuaA", b"zZ"
_MANY, _FEW = b"([<>", ord(")")
_LONG, _CODE = ord("l"), ord("c")
_REFERENCE = 0x80
_DIGIT = 2
_OLDER, _LATER = ((-24, 8, -4, 1), (-20, 8, -4, 2))
"""What a code object holds, in order: numbers of objects, and of bytes (negative) that are numbers themselves."""
_FORMS = {
    "3.8": _OLDER,
    "3.9": _OLDER,
    "3.10": _OLDER,
    "3.11": _LATER,
    "3.12": _LATER,
    "3.13": _LATER,
}


def is_cut(body: bytes, minor: str) -> bool:
    """Tell whether what follows the head of a `.pyc` is certainly no code object, or not all of one."""
    form = _FORMS.get(minor)
    if form is None:
        return False
    if body[:1] not in (b"c", b"\xe3"):
        return True
    try:
        return not _is_gone_over(body, form)
    except IndexError:
        return True


def _is_gone_over(body: bytes, form: tuple[int, ...]) -> bool:
    """Follow objects within objects; `left` is what is still to come, the next last. Raises `IndexError` past the end.

    Each object takes a byte at least, so that the bytes bound the work.
    """
    left, at = [1], 0
    while left:
        count = left.pop()
        if count < 0:
            at -= count
            continue
        if count > 1:
            left.append(count - 1)
        kind = body[at] & ~_REFERENCE
        if kind == _CODE:
            at += 1
            left += reversed(form)
            continue
        at, inside = _past(body, at + 1, kind)
        if inside:
            left.append(inside)
    return at <= len(body)


def _past(body: bytes, at: int, kind: int) -> tuple[int, int]:
    """Return where an object's own bytes end, and how many objects follow in it. Raises `IndexError` for no object."""
    if kind in _FIXED:
        return at + _FIXED[kind], 0
    if kind in _SHORT:
        return at + 1 + body[at], 0
    if kind == _FEW:
        return at + 1, body[at]
    size = int.from_bytes(body[at : at + 4], "little", signed=kind == _LONG)
    if kind == _LONG:
        return at + 4 + _DIGIT * abs(size), 0
    if kind in _SIZED:
        return at + 4 + size, 0
    if kind in _MANY:
        return at + 4, size
    raise IndexError
