"""Which image of several is meant: by name, tag, digest or id."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from inspector.errors import NotFound
from inspector.names import canonical, split_name, without_local
from inspector.sources.shown import shown

_DIGEST = re.compile(r"@?((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128}))")
_SHORT_ID = re.compile(r"[0-9a-f]{12,64}")
_SHOWN_NAMES = 10

Item = TypeVar("Item")


def digest_in(selector: str) -> str | None:
    """Return the digest that a selector asks for; in `name:tag@digest` the digest is what counts."""
    match = _DIGEST.fullmatch(selector if "@" not in selector else selector[selector.index("@") :])
    return match[1] if match else None


def may_be_id(selector: str) -> bool:
    """Tell whether `selector` has the form of a digest or of an abbreviated image id."""
    return digest_in(selector) is not None or bool(_SHORT_ID.fullmatch(selector))


def is_id(selector: str, image_id: str) -> bool:
    """Tell whether `selector` is the image's id, or at least 12 hex digits of its beginning."""
    if digest_in(selector):
        return digest_in(selector) == image_id
    return bool(_SHORT_ID.fullmatch(selector)) and image_id.partition(":")[2].startswith(selector)


def pick(selector: str, items: Sequence[Item], names_of: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return what goes by `selector`: by exact name, else as engines read it, else by a unique tag."""

    def fitting(fits: Callable[[str], bool]) -> list[Item]:
        return [item for item in items if any(map(fits, names_of(item)))]

    wanted = canonical(selector)
    found = (
        fitting(lambda name: name == selector)
        or fitting(lambda name: canonical(name) == wanted)
        or fitting(lambda name: without_local(name) == wanted)
    )
    by_tag = [] if found else fitting(lambda name: split_name(name).target == selector)
    return by_tag if len(by_tag) == 1 else found


def pick_any(where: str, selector: str, items: Sequence[Item], names_of: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return the same, at least one. Raises `NotFound`."""
    found = pick(selector, items, names_of)
    if not found:
        raise no_such(where, selector, [names_of(item) for item in items])
    return found


def no_such(where: str, selector: str, names: Sequence[Sequence[str]]) -> NotFound:
    """Return the error for a selector that nothing goes by, with what there is."""
    known = sorted({name for own in names for name in own})
    listed = ", ".join(shown(name) for name in known[:_SHOWN_NAMES]) or "only images without a name"
    more = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
    return NotFound(f"{where}: no image {shown(selector)} in it; it holds {listed}{more}")
