"""Which role an image is in: its names against the roles' patterns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

import msgspec

from inspector.names import familiar, with_tag
from inspector.policy.patterns import pattern_of
from inspector.policy.role import Policy, Role

_NEAR = 0.85
"""How alike a name and a pattern must be, of 1."""
MAX_COMPARED, MAX_NEAR = 200, 100
"""Patterns, and names, that are compared letter by letter; and characters of either."""


class Ambiguous(msgspec.Struct, frozen=True):
    """One name that several roles claim, which nobody but the policy's author can settle."""

    name: str
    roles: tuple[str, ...]


def names_of(typed: Collection[str], tags: Iterable[str]) -> tuple[str, ...]:
    """Return the names an image goes by: its tags as `docker images` shows them, then what was typed to get it."""
    return tuple(dict.fromkeys([*map(familiar, tags), *typed, *map(familiar, typed)]))


def shown_name(reference: str, tags: Sequence[str]) -> str:
    """Return what reports call an image: its first tag, else the reference that it was read by."""
    return familiar(tags[0]) if tags else reference


def roles_for(names: Iterable[str], policy: Policy) -> tuple[tuple[str, Role], ...] | Ambiguous:
    """Return each name with the role that claims it; empty where none does.

    Two roles for two names of one image are both checked against it: it is deployed as both. Two roles
    for one name are a contradiction in the policy, and taking the first would hide it.
    """
    found: dict[str, tuple[str, Role]] = {}
    for name in names:
        claimed = [role for role in policy.roles if any(_fits(name, pattern) for pattern in role.match)]
        if len(claimed) > 1:
            return Ambiguous(name, tuple(role.name for role in claimed))
        for role in claimed:
            found.setdefault(role.name, (name, role))
    return tuple(found.values())


def near(names: Iterable[str], policy: Policy) -> str:
    """Return the clause that offers a pattern which is nearly one of the names, as a typo is; empty if none is."""
    import difflib

    pairs = ((pattern, role.name) for role in policy.roles for pattern in role.match if len(pattern) <= MAX_NEAR)
    patterns = dict(islice(pairs, MAX_COMPARED))
    for name in (name for name in islice(names, MAX_COMPARED) if len(name) <= MAX_NEAR):
        for pattern in difflib.get_close_matches(name, patterns, n=1, cutoff=_NEAR):
            return f"; did you mean {pattern!r} of the role {patterns[pattern]!r} to fit {name}?"
    return ""


def _fits(name: str, pattern: str) -> bool:
    if pattern_of(pattern).match(name):
        return True
    return not any(wildcard in pattern for wildcard in "*?[") and with_tag(familiar(pattern)) == with_tag(name)
