"""The roles that an image is in by its names, one decision for every command, and the finding where it is in none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.errors import PolicyError
from inspector.pipeline.model import Asked, Target
from inspector.policy.findings import role_finding
from inspector.policy.match import Ambiguous, names_of, near, roles_for, shown_name
from inspector.policy.role import Policy, Role
from inspector.policy.values import did_you_mean
from inspector.reference import Reference, Scheme, parse_reference
from inspector.sources.image import Image

MAX_NAMES = 5
"""Names of an image that a message shows, and that are compared with patterns once more, for one that nearly fits."""


def role_named(policy: Policy, name: str) -> Role:
    """Return the role of that name. Raises `PolicyError` where the policy lacks it."""
    role = policy.role(name)
    if role is None:
        known = [each.name for each in policy.roles]
        raise PolicyError(f"{policy.origin}: no role {name!r}; {did_you_mean(name, known)}")
    return role


def claim(names: Iterable[tuple[str, Sequence[str]]], policy: Policy) -> list[Target]:
    """Find the roles that claim any spelling of a name; names in one role are one target, and one of two in none.

    Each name goes by what comes before its spellings, or, where that is empty, by the spelling that a role claims.
    """
    by_role: dict[str, tuple[Role, list[str]]] = {}
    contradictions: list[Target] = []
    for name, spellings in names:
        match roles_for(spellings, policy):
            case Ambiguous() as found:
                roles = " and ".join(repr(role) for role in found.roles)
                both = role_finding("two-roles", f"the roles {roles} both claim {found.name}; none was taken")
                contradictions.append(Target((name or found.name,), finding=both))
            case claimed:
                for spelling, role in claimed:
                    by_role.setdefault(role.name, (role, []))[1].append(name or spelling)
    return [Target(tuple(its_names), role) for role, its_names in by_role.values()] + contradictions


def in_no_role(names: Sequence[str], spellings: Sequence[str], policy: Policy, *, listed: bool) -> Target:
    """Say why an image is in no role; in the same words of all unless its spellings are `listed`."""
    first = spellings[:MAX_NAMES]
    told = f": {', '.join(first)}" if listed else ""
    finding = role_finding("no-role", f"no role's `match` fits any of its names{told}{near(first, policy)}")
    return Target(tuple(names), finding=finding)


def targets_of(asked: Asked, image: Image, policy: Policy) -> list[Target]:
    """Pair an image that was opened with each role that it is in, or with the finding that it is in none.

    An engine's image is in the role of the name that it was asked for by; its further tags count only where that name
    is in no role. Those of an archive all do.
    """
    shown = shown_name(image.reference, image.tags)
    if asked.role is not None:
        return [Target((asked.role.name if policy.exhaustive else shown,), asked.role)]
    typed = _typed(asked, image)
    names = names_of(typed, image.tags)
    for spellings in (names_of(typed, ()), names) if image.access is not None else (names,):
        if found := claim([("", spellings)], policy):
            return found
    return [in_no_role((shown,), names, policy, listed=True)]


def _typed(asked: Asked, image: Image) -> list[str]:
    """List what was typed for the image: with its scheme, and without if that is no path. A glob names no image."""
    reference = asked.name
    if image.access is not None or not isinstance(reference, Reference):
        return [image.reference, parse_reference(image.reference).name]
    named = reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY)
    return [reference.text, image.reference, *([reference.name] if named else [])]
