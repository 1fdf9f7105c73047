"""Which of an engine's images are meant, where a reference may mean several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from inspector.engine.model import ListedImage
from inspector.errors import LimitExceeded, NotFound
from inspector.names import DOCKER_HUB, canonical, familiar, repository_in, without_local
from inspector.sources.shown import shown

MAX_MATCHES = 1000
"""Images that one pattern may name."""
_WILD = "*?["


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
        raise NotFound(f"{where}: no image goes by {shown(name)}")
    if len(found) > MAX_MATCHES:
        raise LimitExceeded(f"{where}: {len(found)} images go by {shown(name)}; {MAX_MATCHES} are allowed")
    return found


def _spellings(tag: str) -> Iterator[str]:
    """Yield `tag` in full, and as docker and podman shorten it; each with and without its last part."""
    for one in {tag, familiar(tag), tag.removeprefix(f"{DOCKER_HUB}/")}:
        yield one
        yield repository_in(one)


def _canonical(tag: str) -> tuple[str, str]:
    return canonical(tag), without_local(tag)
