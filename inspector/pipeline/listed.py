"""Which images `check` opens: those named, else those that the policy lists, else what its roles' patterns fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from inspector.errors import UsageError
from inspector.pipeline.model import Asked, Opened, parse_all
from inspector.pipeline.roles import is_left_out, role_named
from inspector.policy.role import Policy, Role
from inspector.reference import STDIN, Reference, Scheme, parse_reference
from inspector.sources.names import is_pattern


def names_to_check(references: Sequence[Reference | str], policy: Policy, named: str | None) -> list[Asked]:
    """List what is to be opened: the references, else the images that the policy lists, else its roles' own patterns.

    Raises `PolicyError` for a role that the policy lacks, `UsageError` where there is nothing, `InvalidReference`.
    """
    role = role_named(policy, named) if named is not None else None
    asked = [
        Asked(name=each, role=one, named=not is_pattern(each.name))
        for each in parse_all(references)
        for one in ([role] if role else _roles_of(policy, str(each)))
    ]
    asked = asked or _listed(policy, role) or _matched(policy, role)
    if not asked:
        raise UsageError(f"nothing to check: name an image, or list them as `images` in {policy.origin}")
    return asked


def each_once(opened: Sequence[Opened]) -> list[Opened]:
    """Leave out an engine's images that came for the same role by an earlier pattern already."""
    met: set[tuple[str, str | None]] = set()
    found: list[Opened] = []
    for each in opened:
        role = each.asked.role.name if each.asked.role else None
        images = tuple(one for one in each.images if one.access is None or (one.reference, role) not in met)
        met.update((one.reference, role) for one in images)
        found.append(msgspec.structs.replace(each, images=images))
    return found


def without_ignored(opened: Sequence[Opened], policy: Policy) -> tuple[list[Opened], int, list[str]]:
    """Leave out what the policy ignores; return how many images, and the warnings about those that stay.

    An image that was named by itself stays: who names one wants its verdict.
    """
    kept, count, warnings = [], 0, []
    for each in opened:
        images = tuple(image for image in each.images if not is_left_out(each.asked, image, policy))
        ignored = len(each.images) - len(images)
        if ignored and each.asked.named and len({image.tags for image in each.images}) == 1:
            warnings.append(f"{each.asked.name}: `ignore` of the policy fits it; checked since it was named")
            images, ignored = each.images, 0
        count += ignored
        kept.append(msgspec.structs.replace(each, images=images))
    return kept, count, warnings


def _roles_of(policy: Policy, reference: str) -> Sequence[Role | None]:
    """List the roles that the policy lists a reference under, in each of which it is checked; one None for no role."""
    return [policy.role(image.role) for image in policy.images if image.role and image.reference == reference] or [None]


def _listed(policy: Policy, role: Role | None) -> list[Asked]:
    """Ask for the images that the policy lists, those of `role` and of no stated one if that is given."""
    ours = [image for image in policy.images if role is None or image.role in (role.name, None)]
    stated = [role or (policy.role(image.role) if image.role else None) for image in ours]
    references = [beside(policy, parse_reference(image.reference)) for image in ours]
    return [Asked(name=reference, role=one) for reference, one in zip(references, stated, strict=True)]


def _matched(policy: Policy, role: Role | None) -> list[Asked]:
    """Ask for the roles' own patterns, which engines are asked for where nobody names an image."""
    roles = policy.roles if role is None else (role,)
    patterns = {pattern: each.name for each in roles for pattern in each.match}
    return [Asked(name=_local(pattern), role=role, pattern_of=name) for pattern, name in patterns.items()]


def _local(pattern: str) -> Reference:
    """Take a pattern for the name of an engine's image: nobody typed it, so no file or registry is meant."""
    reference = parse_reference(pattern)
    return msgspec.structs.replace(reference, local=reference.scheme is Scheme.BARE)


def beside(policy: Policy, reference: Reference) -> Reference:
    """Take a relative path from the policy's folder; a bare name only if a file is there."""
    folder = Path(policy.origin).parent
    if reference.name == STDIN or reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY):
        return reference
    there = reference.scheme is not Scheme.BARE or any((folder / place.path).exists() for place in reference.places())
    return msgspec.structs.replace(reference, name=str(folder / reference.name)) if there else reference
