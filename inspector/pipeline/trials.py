"""What is tried: references against a policy's roles, before anything of an image is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from inspector.errors import PolicyError, UsageError
from inspector.oci import Platform
from inspector.pipeline.access import Question
from inspector.pipeline.reading import Job, Opened, Options
from inspector.policy.findings import role_finding
from inspector.policy.match import Ambiguous, names_of, near, roles_for, shown_name
from inspector.policy.model import Finding
from inspector.policy.needs import needs_run, whole_facts_needed
from inspector.policy.role import Policy, Role
from inspector.policy.values import did_you_mean
from inspector.reference import STDIN, Reference, Scheme, parse_reference
from inspector.sources.image import Image

MAX_NAMES = 5
"""Names of an image that a message shows."""


class Held(msgspec.Struct, frozen=True):
    """A reference, and the role that it is held against if that is settled before it is opened.

    `pattern_of` names the role whose own pattern the reference is.
    """

    reference: Reference
    role: Role | None = None
    pattern_of: str | None = None


class Trial(msgspec.Struct, frozen=True):
    """One image in one role under one name; or, without a role, the finding that says why there is none."""

    job: Job
    name: str
    role: Role | None
    finding: Finding | None = None


def held_references(references: Sequence[Reference | str], policy: Policy, named: str | None) -> list[Held]:
    """What is to be opened: the references, else the images that the policy lists, else its roles' own patterns.

    Raises `PolicyError` for a role that the policy lacks, `UsageError` where there is nothing, `InvalidReference`.
    """
    role = role_named(policy, named) if named is not None else None
    asked = [parse_reference(each) if isinstance(each, str) else each for each in references]
    held = [Held(each, one) for each in asked for one in ([role] if role else _listed_roles(policy, str(each)))]
    held = held or _listed(policy, role) or _matched(policy, role)
    if not held:
        raise UsageError(f"nothing to check: name an image, or list them as `images` in {policy.origin}")
    return held


def each_once(held: Sequence[Held], opened: Sequence[Opened]) -> list[Opened]:
    """What was opened, without an engine's images that came for the same role by an earlier pattern already."""
    met: set[tuple[str, str | None]] = set()
    found: list[Opened] = []
    for asked, each in zip(held, opened, strict=True):
        role = asked.role.name if asked.role else None
        images = tuple(one for one in each.images if one.access is None or (one.reference, role) not in met)
        met.update((one.reference, role) for one in images)
        found.append(msgspec.structs.replace(each, images=images))
    return found


def platform_for(role: Role | None, options: Options) -> Platform | Literal["all"] | None:
    """What was asked for, else what the role is for, where that is known before the image is opened."""
    return options.platform or (role.platform if role else None)


def trials_of(held: Held, opened: Opened, policy: Policy, options: Options) -> Iterator[Trial]:
    """Each image of a reference in each role that it is in, or with the finding that it is in none."""
    python = options.python or "python"
    for image in opened.images:
        name = shown_name(image.reference, image.tags)
        if held.role is not None:
            name = held.role.name if policy.exhaustive else name
            yield Trial(_job(image, [held.role], held.role.python_command, options), name, held.role)
            continue
        names = names_of(_typed(held.reference, image), image.tags)
        match _claims(held.reference, image, names, policy):
            case Ambiguous() as ambiguous:
                yield Trial(_job(image, (), python, options), ambiguous.name, None, two_roles(ambiguous))
            case ():
                yield Trial(_job(image, (), python, options), name, None, _no_role(names, policy))
            case claimed:
                jobs = _jobs(image, [role for _, role in claimed], options)
                for its_name, role in claimed:
                    yield Trial(jobs[role.python_command], its_name, role)


def _claims(
    reference: Reference, image: Image, names: Sequence[str], policy: Policy
) -> tuple[tuple[str, Role], ...] | Ambiguous:
    """The roles that an image is in. An engine's image is held against the role of the name it was asked for by.

    Its further tags count only where that name is in no role; those of an archive all do.
    """
    claimed = roles_for(names_of(_typed(reference, image), ()), policy) if image.access is not None else ()
    return claimed or roles_for(names, policy)


def _listed_roles(policy: Policy, reference: str) -> Sequence[Role | None]:
    """The roles that the policy lists a reference under, each of which it is held against; one None for no role."""
    return [policy.role(image.role) for image in policy.images if image.role and image.reference == reference] or [None]


def _listed(policy: Policy, role: Role | None) -> list[Held]:
    """The images that the policy lists, those of `role` and of no stated one if that is given."""
    ours = [image for image in policy.images if role is None or image.role in (role.name, None)]
    stated = [role or (policy.role(image.role) if image.role else None) for image in ours]
    references = [_beside(policy, parse_reference(image.reference)) for image in ours]
    return [Held(*pair) for pair in zip(references, stated, strict=True)]


def _matched(policy: Policy, role: Role | None) -> list[Held]:
    """The roles' own patterns, which engines are asked for where nobody names an image."""
    roles = policy.roles if role is None else (role,)
    patterns = {pattern: each.name for each in roles for pattern in each.match}
    return [Held(_local(pattern), role, pattern_of=name) for pattern, name in patterns.items()]


def _local(pattern: str) -> Reference:
    """A pattern as the name of an engine's image: nobody typed it, so no file or registry is meant."""
    reference = parse_reference(pattern)
    return msgspec.structs.replace(reference, local=reference.scheme is Scheme.BARE)


def role_named(policy: Policy, name: str) -> Role:
    """The role of that name. Raises `PolicyError` where the policy lacks it."""
    role = policy.role(name)
    if role is None:
        known = [each.name for each in policy.roles]
        raise PolicyError(f"{policy.origin}: no role {name!r}; {did_you_mean(name, known)}")
    return role


def _beside(policy: Policy, reference: Reference) -> Reference:
    """The reference with a relative path taken from the policy's folder; a bare name only if a file is there."""
    folder = Path(policy.origin).parent
    if reference.name == STDIN or reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY):
        return reference
    there = reference.scheme is not Scheme.BARE or any((folder / place.path).exists() for place in reference.places())
    return msgspec.structs.replace(reference, name=str(folder / reference.name)) if there else reference


def _job(image: Image, roles: Sequence[Role], python: str, options: Options) -> Job:
    """What the roles together ask of an image."""
    whole = next((need for role in roles if (need := whole_facts_needed(role))), "")
    run = options.runtime != "never" and any(map(needs_run, roles))
    return Job(image, Question(python=python, whole=whole, access=options.access), run=run)


def _jobs(image: Image, roles: Sequence[Role], options: Options) -> dict[str, Job]:
    """One job for all roles that ask about the same command, by the command."""
    by_command: dict[str, list[Role]] = {}
    for role in roles:
        by_command.setdefault(role.python_command, []).append(role)
    return {python: _job(image, its_roles, python, options) for python, its_roles in by_command.items()}


def _typed(reference: Reference, image: Image) -> list[str]:
    """What was typed for the image: with its scheme, and without if that is no path. A glob is no image's name."""
    if image.access is not None:
        return [image.reference, image.reference.removeprefix(f"{image.source}:")]
    named = reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY)
    return [reference.text, image.reference, *([reference.name] if named else [])]


def _no_role(names: Sequence[str], policy: Policy) -> Finding:
    listed = names[:MAX_NAMES]
    return role_finding(
        "no-role", f"no role's `match` fits any of its names: {', '.join(listed)}{near(listed, policy)}"
    )


def two_roles(ambiguous: Ambiguous) -> Finding:
    """Why a name that several roles claim is in none."""
    roles = " and ".join(repr(role) for role in ambiguous.roles)
    return role_finding("two-roles", f"the roles {roles} both claim {ambiguous.name}; none was taken")
