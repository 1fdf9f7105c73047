"""Which image of several is meant: names as engines normalise them, tags, digests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from inspector.errors import NotFound
from inspector.sources.store import shown

_DIGEST = re.compile(r"@?((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128}))")
_SHORT_ID = re.compile(r"[0-9a-f]{12,64}")
_PODMAN_HOST = "localhost/"  # which podman puts before the name of what it built itself
_SHOWN_NAMES = 10


def normal_name(name: str) -> str:
    """A name with the host, `library/` and `latest` that engines add (github.com/distribution/reference)."""
    name, _, digest = name.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not (host == "localhost" or any(c in host for c in ".:") or host != host.lower()):
        host, rest = "docker.io", name
    if host in ("docker.io", "index.docker.io"):
        host = "docker.io"
        rest = rest if "/" in rest else f"library/{rest}"
    if digest:
        return f"{host}/{rest}@{digest}"
    return f"{host}/{rest}" if ":" in rest.rpartition("/")[2] else f"{host}/{rest}:latest"


def tag_of(name: str) -> str:
    """The tag of a name, `latest` where it has none."""
    return normal_name(name).rpartition(":")[2]


def digest_in(selector: str) -> str | None:
    """The digest that a selector asks for; in `name:tag@digest` the digest is what counts."""
    match = _DIGEST.fullmatch(selector if "@" not in selector else selector[selector.index("@") :])
    return match[1] if match else None


def may_be_id(selector: str) -> bool:
    """Whether `selector` has the form of a digest or of an abbreviated image id."""
    return digest_in(selector) is not None or bool(_SHORT_ID.fullmatch(selector))


def is_id(selector: str, image_id: str) -> bool:
    """Whether `selector` is the image's id, or at least 12 hex digits of its beginning."""
    if digest_in(selector):
        return digest_in(selector) == image_id
    return bool(_SHORT_ID.fullmatch(selector)) and image_id.partition(":")[2].startswith(selector)


def pick(selector: str, names: Sequence[Sequence[str]]) -> list[int]:
    """The positions of what goes by `selector`: by exact name, else as engines read it, else by a unique tag."""

    def positions(fits: Callable[[str], bool]) -> list[int]:
        return [at for at, own in enumerate(names) if any(fits(name) for name in own)]

    wanted = normal_name(selector)
    found = (
        positions(lambda name: name == selector)
        or positions(lambda name: normal_name(name) == wanted)
        or positions(lambda name: normal_name(name.removeprefix(_PODMAN_HOST)) == wanted)
    )
    if found:
        return found
    by_tag = positions(lambda name: tag_of(name) == selector)
    return by_tag if len(by_tag) == 1 else []


def no_such(where: str, selector: str, names: Sequence[Sequence[str]]) -> NotFound:
    """The error for a selector that nothing goes by, with what there is."""
    known = sorted({name for own in names for name in own})
    listed = ", ".join(shown(name) for name in known[:_SHOWN_NAMES]) or "only images without a name"
    more = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
    return NotFound(f"{where}: no image {shown(selector)} in it; it holds {listed}{more}")
