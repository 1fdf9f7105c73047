"""Which image of several is meant: by name, tag, digest or id; in an engine, perhaps several by a glob."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from inspector.errors import LimitExceeded, NotFound
from inspector.names import DOCKER_HUB, canonical, familiar, repository_in, split_name, without_local
from inspector.sources.shown import shown
from inspector.words import first_few

if TYPE_CHECKING:
    from inspector.engine.model import ListedImage

MAX_MATCHES = 1000
"""Images that one pattern may name."""

_DIGEST = r"@?((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128}))"
_SHORT_ID = r"[0-9a-f]{12,64}"
_SHOWN_NAMES = 10

_WILD = "*?["

Item = TypeVar("Item")


def digest_in(selector: str) -> str | None:
    """Return the digest that a selector asks for; in `name:tag@digest` the digest is what counts."""
    match = re.fullmatch(_DIGEST, selector if "@" not in selector else selector[selector.index("@") :])
    return match[1] if match else None


def may_be_id(selector: str) -> bool:
    """Tell whether `selector` has the form of a digest or of an abbreviated image id."""
    return digest_in(selector) is not None or bool(re.fullmatch(_SHORT_ID, selector))


def is_id(selector: str, image_id: str) -> bool:
    """Tell whether `selector` is the image's id, or at least 12 hex digits of its beginning."""
    if digest_in(selector):
        return digest_in(selector) == image_id
    return bool(re.fullmatch(_SHORT_ID, selector)) and image_id.partition(":")[2].startswith(selector)


def by_name(selector: str, items: Sequence[Item], names_of: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return what goes by `selector`: by exact name, else as engines read it."""
    wanted = canonical(selector)
    ways: tuple[Callable[[str], bool], ...] = (
        lambda name: name == selector,
        lambda name: canonical(name) == wanted,
        lambda name: without_local(name) == wanted,
    )
    found = ([item for item in items if any(map(fits, names_of(item)))] for fits in ways)
    return next(filter(None, found), [])


def pick(selector: str, items: Sequence[Item], names_of: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return the same, else what has it for its tag, if that is one."""
    if found := by_name(selector, items, names_of):
        return found
    by_tag = [item for item in items if any(split_name(name).target == selector for name in names_of(item))]
    return by_tag if len(by_tag) == 1 else []


def pick_any(where: str, selector: str, items: Sequence[Item], names_of: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return the same, at least one. Raises `NotFound`."""
    found = pick(selector, items, names_of)
    if not found:
        raise no_such(where, selector, [names_of(item) for item in items])
    return found


def no_such(where: str, selector: str, names: Sequence[Sequence[str]]) -> NotFound:
    """Return the error for a selector that nothing goes by, with what there is."""
    known = sorted({name for own in names for name in own})
    listed = first_few([*map(shown, known)], _SHOWN_NAMES) or "only images without a name"
    return NotFound(f"{where}: no image {shown(selector)} in it; it holds {listed}")


def is_pattern(name: str) -> bool:
    """Tell whether `name` is a glob: no image's name holds any of these signs."""
    return any(sign in name for sign in _WILD)


def matching(name: str, listed: Sequence[ListedImage], where: str) -> list[str]:
    """Return the tags that the glob `name` fits, sorted; a pattern without a tag fits every tag of the repository."""
    return _found(name, listed, where, lambda tag: any(fnmatchcase(spelling, name) for spelling in _spellings(tag)))


def all_tags(repository: str, listed: Sequence[ListedImage], where: str) -> list[str]:
    """Return all tags of a repository that is named in full, or as docker shortens it; or of those that a glob fits."""
    if is_pattern(repository):
        return matching(repository, listed, where)
    wanted = repository_in(canonical(repository))
    return _found(repository, listed, where, lambda tag: wanted in map(repository_in, _canonical(tag)))


def asked_first(name: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags with that first which `name` means, if it means one: an image is called as it was asked for."""
    wanted = canonical(name)
    return tuple(sorted(tags, key=lambda tag: wanted not in _canonical(tag)))


def _found(name: str, listed: Sequence[ListedImage], where: str, fits: Callable[[str], bool]) -> list[str]:
    found = sorted({tag for image in listed for tag in image.tags if fits(tag)})
    if not found:
        raise NotFound(f"{where}: no image matches {shown(name)}")
    if len(found) > MAX_MATCHES:
        raise LimitExceeded(f"{where}: {len(found)} images match {shown(name)}; {MAX_MATCHES} are allowed")
    return found


def _spellings(tag: str) -> Iterator[str]:
    """Yield `tag` in full, and as docker and podman shorten it; each with and without its last part."""
    for one in {tag, familiar(tag), tag.removeprefix(f"{DOCKER_HUB}/")}:
        yield one
        yield repository_in(one)


def _canonical(tag: str) -> tuple[str, str]:
    return canonical(tag), without_local(tag)
