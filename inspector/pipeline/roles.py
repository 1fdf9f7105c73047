"""The roles that an image is in by its names, one decision for every command, and the finding where it is in none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.errors import PolicyError
from inspector.names import familiar, without_digest
from inspector.pipeline.model import Asked, Target
from inspector.policy.findings import role_finding
from inspector.policy.match import Ambiguous, ignores, names_of, near, roles_for, shown_name, spellings_of
from inspector.policy.role import Policy, Role
from inspector.policy.values import did_you_mean
from inspector.reference import Reference, Scheme, parse_reference
from inspector.sources.image import Image
from inspector.sources.names import is_pattern

MAX_NAMES = 5
"""Names of an image that a message shows, and that are compared with patterns once more, for one that nearly fits."""


def role_named(policy: Policy, name: str) -> Role:
    """Return the role of that name. Raises `PolicyError` where the policy lacks it."""
    role = policy.role(name)
    if role is None:
        known = [each.name for each in policy.roles]
        raise PolicyError(f"{policy.origin}: no role {name!r}; {did_you_mean(name, known)}")
    return role


def claim(names: Iterable[str], policy: Policy, typed: Sequence[str] = ()) -> list[Target]:
    """Find the roles that claim an image by these names, or by `typed`, all spellings of one more; see `roles_for`."""
    match roles_for(names, policy, typed):
        case Ambiguous() as found:
            roles = " and ".join(repr(role) for role in found.roles)
            told = f"the roles {roles} claim {found.name} by patterns that are as exact; none was taken"
            return [Target((found.name,), finding=role_finding("two-roles", told))]
        case claimed:
            return [Target((name,), role) for name, role in claimed]


def claim_each(names: Iterable[str], policy: Policy) -> list[Target]:
    """Find the roles of a registry's image by its names; names in one role are one target, and one of two in none."""
    by_role: dict[str, tuple[Role, list[str]]] = {}
    contradictions: list[Target] = []
    for name in names:
        for target in claim((), policy, _spellings(name)):
            if target.role is None:
                contradictions.append(Target((name,), finding=target.finding))
            else:
                by_role.setdefault(target.role.name, (target.role, []))[1].append(name)
    return [Target(tuple(its_names), role) for role, its_names in by_role.values()] + contradictions


def is_ignored(name: str, policy: Policy | None) -> bool:
    """Tell whether the policy leaves out a registry's image of that name."""
    return policy is not None and bool(policy.ignore) and ignores(_spellings(name), policy)


def _spellings(name: str) -> tuple[str, ...]:
    """List how policies may spell the name of a registry's image."""
    return names_of([name, without_digest(name)], [name])


def of_the_rest(names: Sequence[str], policy: Policy) -> list[Target]:
    """Return the role for images that no other claims, where the policy has one."""
    return [Target(tuple(names), role) for role in policy.roles if role.default]


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
    typed, tags = spellings_of(_typed(asked, image)), tuple(dict.fromkeys(map(familiar, image.tags)))
    for names in ((), tags) if image.access is not None else (tags,):
        if found := claim(names, policy, typed):
            return found
    names = tuple(dict.fromkeys((*tags, *typed)))
    return of_the_rest((shown,), policy) or [in_no_role((shown,), names, policy, listed=True)]


def is_left_out(asked: Asked, image: Image, policy: Policy) -> bool:
    """Tell whether the policy's `ignore` fits an image that was opened.

    It fits an engine's image by the name that it was asked for by, another by all its tags, or what was typed.
    """
    if not policy.ignore:
        return False
    typed, tags = spellings_of(_typed(asked, image)), list(map(familiar, image.tags))
    named = [tag for tag in tags if image.access is None or tag in typed] or tags
    return all(ignores(spellings, policy) for spellings in ([[tag] for tag in named] or [list(typed)]))


def _typed(asked: Asked, image: Image) -> list[str]:
    """List what was typed for the image: with its scheme, and without if that is no path. A glob names no image."""
    reference = asked.name
    if image.access is not None or not isinstance(reference, Reference):
        return [image.reference, parse_reference(image.reference).name]
    named = reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY)
    typed = [reference.text, *([reference.name] if named else [])]
    own = [image.reference, parse_reference(image.reference).name]
    return [*(each for each in typed if not is_pattern(each)), *own]
