"""Which role an image is in: its names against the roles' patterns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from inspector.names import familiar, with_tag
from inspector.policy.patterns import exactness, pattern_of
from inspector.policy.role import Policy, Role

_NEAR = 0.85
"""How alike a name and a pattern must be, of 1."""
MAX_COMPARED, MAX_NEAR = 200, 100
"""Patterns, and names, that are compared letter by letter; and characters of either."""


class Ambiguous(msgspec.Struct, frozen=True):
    """One name that several roles claim, which nobody but the policy's author can settle."""

    name: str
    roles: tuple[str, ...]


class _Claim(msgspec.Struct, frozen=True):
    """A pattern of a role that fits a name."""

    name: str
    pattern: str
    role: Role


def names_of(typed: Collection[str], tags: Iterable[str]) -> tuple[str, ...]:
    """Return the names an image goes by: its tags as `docker images` shows them, then what was typed to get it."""
    return tuple(dict.fromkeys([*map(familiar, tags), *spellings_of(typed)]))


def spellings_of(typed: Collection[str]) -> tuple[str, ...]:
    """Return what was typed, and the same as `docker images` shows it."""
    return tuple(dict.fromkeys([*typed, *map(familiar, typed)]))


def shown_name(reference: str, tags: Sequence[str]) -> str:
    """Return what reports call an image: its first tag, else the reference that it was read by."""
    return familiar(tags[0]) if tags else reference


def roles_for(
    names: Iterable[str], policy: Policy, typed: Sequence[str] = ()
) -> tuple[tuple[str, Role], ...] | Ambiguous:
    """Return each name with the role that claims it by the most exact pattern; empty where none does.

    Two roles for two names of one image are both checked against it: it is deployed as both. Two roles whose patterns
    for one name are as exact are a contradiction in the policy, and taking the first would hide it.

    `typed` are all spellings of one more name, a path perhaps. A pattern that fits one of `names` was weighed there,
    and counts no more: else `*` would claim by its path an archive whose tag another role names.
    """
    found: dict[str, tuple[str, Role]] = {}
    weighed: set[str] = set()
    for spellings in (*([name] for name in names), typed):
        claims = [each for each in _claims(spellings, policy) if spellings is not typed or each.pattern not in weighed]
        weighed.update(each.pattern for each in claims)
        most = max((exactness(each.pattern) for each in claims), default=None)
        claimed = {each.role.name: each for each in reversed(claims) if exactness(each.pattern) == most}
        if len(claimed) > 1:
            roles = tuple(role.name for role in policy.roles if role.name in claimed)
            return Ambiguous(claimed[roles[0]].name, roles)
        for each in claimed.values():
            found.setdefault(each.role.name, (each.name, each.role))
    return tuple(found.values())


def _claims(spellings: Iterable[str], policy: Policy) -> Iterator[_Claim]:
    for name in spellings:
        for role in policy.roles:
            yield from (_Claim(name, pattern, role) for pattern in role.match if fits(name, pattern))


def ignores(spellings: Iterable[str], policy: Policy) -> bool:
    """Tell whether the policy leaves out images of that name."""
    return any(fits(name, pattern) for name in spellings for pattern in policy.ignore)


def near(names: Iterable[str], policy: Policy) -> str:
    """Return the clause that offers a pattern which is nearly one of the names, as a typo is; empty if none is."""
    import difflib

    pairs = ((pattern, role.name) for role in policy.roles for pattern in role.match if len(pattern) <= MAX_NEAR)
    patterns = dict(islice(pairs, MAX_COMPARED))
    for name in (name for name in islice(names, MAX_COMPARED) if len(name) <= MAX_NEAR):
        for pattern in difflib.get_close_matches(name, patterns, n=1, cutoff=_NEAR):
            return f"; did you mean {pattern!r} of the role {patterns[pattern]!r} to fit {name}?"
    return ""


def fits(name: str, pattern: str) -> bool:
    """Tell whether a pattern fits a name; one without wildcards may leave out `:latest`, as the name may."""
    if pattern_of(pattern).match(name):
        return True
    return not any(wildcard in pattern for wildcard in "*?[") and with_tag(familiar(pattern)) == with_tag(name)
