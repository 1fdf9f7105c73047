"""Which images of containerd are meant: by name, by digest, or by a glob, in the namespaces that are searched."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from inspector.errors import NotFound
from inspector.names import canonical, familiar, repository_in
from inspector.sources.containerd.records import Record, Records
from inspector.sources.names import all_tags, by_name, digest_in, matching, may_be_id
from inspector.sources.shown import shown

_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


def find(records: Sequence[Record], name: str) -> Record | None:
    """Return the record of one namespace that goes by `name`; None if none does.

    That is the exact name, else one that is the same when filled in, else one whose digest it is or begins. Raises
    `NotFound` where the beginning of a digest may be any of several images.
    """
    if (digest := digest_in(name)) and not any(one.name == name for one in records):
        fitting = (one for one in records if digest in (one.target, one.name) and is_of(name, one, records))
        return next(fitting, None)
    found = by_name(name, records, lambda one: (one.name,))
    return found[0] if found else _by_beginning(records, name)


def is_of(name: str, record: Record, records: Sequence[Record]) -> bool:
    """Tell whether a name by digest means the record's image: some name of it is of the repository that is stated."""
    stated = name.partition("@")[0]
    if "@" not in name or not stated:
        return True
    own = {repository_in(canonical(one.name)) for one in records if one.target == record.target and not one.is_id}
    return repository_in(canonical(stated)) in own


def find_all(records: Records, namespaces: Sequence[str], name: str, *, every_tag: bool) -> list[Record]:
    """Return the records that a glob fits, or of all tags of a repository; of one name that in the first namespace."""
    found: dict[str, Record] = {}
    errors: list[NotFound] = []
    choose = all_tags if every_tag else matching
    for namespace in namespaces:
        own = {record.name: record for record in records.of(namespace)}
        try:
            names = choose(name, records.listed(namespace), f"namespace {namespace}")
        except NotFound as error:
            errors.append(error)
            continue
        for one in names:
            found.setdefault(canonical(one), own[one])
    if not found and errors:
        raise NotFound("; ".join(map(str, errors)))
    return [found[key] for key in sorted(found)]


def tags_of(records: Records, record: Record) -> list[str]:
    """List the names with a tag that the namespace has for the same image."""
    return [one.tag for one in records.of(record.namespace) if one.target == record.target and one.tag is not None]


def typed_names(records: Records, namespaces: Sequence[str]) -> list[str]:
    """List the names that somebody might have meant, as they are shortened."""
    found = (familiar(one.tag) for space in namespaces for one in records.of(space) if one.tag is not None)
    return list(dict.fromkeys(found))


def rivals(records: Records, namespaces: Sequence[str], record: Record, name: str) -> list[str]:
    """List the further namespaces that have another image by the same name."""
    found = []
    for namespace in namespaces:
        if namespace != record.namespace:
            with contextlib.suppress(NotFound):
                other = find(records.of(namespace), name)
                found += [namespace] if other is not None and other.target != record.target else []
    return found


def _by_beginning(records: Sequence[Record], name: str) -> Record | None:
    """Return the record whose manifest, index or config has a digest that begins so, as `nerdctl` and `crictl` show."""
    digits = _HEX.fullmatch(name)
    if digits is None or not may_be_id(digits[1]):
        return None
    beginning = f"sha256:{digits[1]}"
    found = [one for one in records if beginning in (one.target[: len(beginning)], one.name[: len(beginning)])]
    targets = {one.target for one in found}
    if len(targets) > 1:
        raise NotFound(f"{shown(name)} may be any of {len(targets)} images; give more of its id")
    return found[0] if found else None
