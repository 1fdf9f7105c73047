"""What an engine has that is called nearly as the image, or the container, that it lacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from inspector.engine.endpoint import Kind
from inspector.errors import InspectorError, NotFound
from inspector.names import canonical, familiar, repository_in, tag_in
from inspector.reference import Reference
from inspector.sources.engine.open import EITHER, Engines, kinds_of, listed_by, own_store
from inspector.sources.names import is_pattern
from inspector.sources.shown import shown
from inspector.words import first_few

MAX_LISTED = 5000
"""Names of an engine that are looked at."""
MAX_COMPARED, MAX_LENGTH = 300, 128
"""Names that are compared letter by letter, and their characters: up to 2 ms each."""
MAX_NAMED = 4
"""Names of which the message tells."""
_NEAR_NAME, _NEAR_TAG, _NEAR_CONTAINER = 0.8, 0.5, 0.6
"""How alike the names of repositories, tags of one repository, and containers must be, of 1."""


def with_nearby(error: InspectorError, reference: Reference, engines: Engines) -> InspectorError:
    """Return the error that an image is missing, with the names nearest to it that the engines have."""
    if not isinstance(error, NotFound) or is_pattern(reference.name) or len(reference.name) > MAX_LENGTH:
        return error
    clauses: list[str] = []
    found: list[str] = []
    for kind in kinds_of(reference):
        with suppress(InspectorError):
            near, others = nearest(reference.name, _tags(kind, engines))
            clauses += [told(f"{kind} has", near, others)] if near or others else []
            found += [*near, *others][:MAX_NAMED]
    return NotFound("; ".join([str(error), *clauses]), near=tuple(dict.fromkeys(found))) if found else error


def nearest(name: str, tags: list[str]) -> tuple[list[str], list[str]]:
    """Return the names that `name` is nearly, as a typing error is, and what else its repository has."""
    asked = familiar(name)
    repository, tag = repository_in(asked), tag_in(asked)
    own = [each for each in tags if repository_in(canonical(each)) == repository_in(canonical(name))]
    if own:
        by_tag = {tag_in(each) or each: each for each in own}
        near = [by_tag[each] for each in _close(tag or "", by_tag, _NEAR_TAG)]
        return near, [each for each in own if each not in near]
    by_repository: dict[str, list[str]] = {}
    for each in tags:
        by_repository.setdefault(repository_in(each), []).append(each)
    for close in _close(repository, by_repository, _NEAR_NAME):
        had = sorted(by_repository[close], key=lambda each: tag_in(each) != tag)
        return had[:1], had[1:]
    return [], []


def with_containers(error: InspectorError, name: str, engines: Engines) -> InspectorError:
    """Return the error that a container is missing, with the names of those that there are, the nearest first."""
    if not isinstance(error, NotFound) or len(name) > MAX_LENGTH:
        return error
    names = sorted({each for each in _containers(engines) if 0 < len(each) <= MAX_LENGTH})
    if not names:
        return NotFound(f"{error}; there is no container at all")
    near = _close(name, names, _NEAR_CONTAINER)
    others = [each for each in names if each not in near]
    return NotFound(f"{error}; {told('there are', near, others)}", near=tuple(near))


def told(there: str, near: list[str], others: list[str]) -> str:
    """Return the clause: what was meant, perhaps, and what there is, which is listed behind the words `there`."""
    had = [shown(each)[1:-1] for each in (*near, *others)]
    listed = f"{there} {first_few(had, MAX_NAMED)}"
    if not near:
        return listed
    return f"did you mean {had[0]}?" + (f" {listed}" if others else "")


def _close(word: str, known: Iterable[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(word, list(islice(known, MAX_COMPARED)), n=1, cutoff=cutoff)


def _tags(kind: Kind, engines: Engines) -> list[str]:
    """List the names that an engine has, each once; those that nobody types are left out."""
    found = (familiar(tag) for image in listed_by(kind, engines) for tag in image.tags if len(tag) <= MAX_LENGTH)
    return list(dict.fromkeys(islice(found, MAX_LISTED)))


def _containers(engines: Engines) -> Iterator[str]:
    """Yield the names of the engines' containers, and of those in the store of Podman and Buildah, as far as told."""
    for kind in EITHER:
        with suppress(InspectorError):
            yield from (each.name for each in islice(engines.get(kind).containers(), MAX_LISTED))
    with suppress(InspectorError):
        if store := own_store():
            yield from (name for _, record in islice(store.containers(), MAX_LISTED) for name in record.names or ())
