"""The main job: images held against a policy's roles, and one report on them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from inspector.audit.reading import DEFAULTS, Asked, Job, Opened, Options, Progress, Seen, Surveyor, error_fact
from inspector.errors import NotFound, PolicyError, UsageError
from inspector.oci import Platform
from inspector.policy.findings import error_finding, role_finding
from inspector.policy.judge import judge
from inspector.policy.match import Ambiguous, names_of, near, roles_for, shown_name
from inspector.policy.model import ErrorFact, Finding, Report, Result, worst
from inspector.policy.role import Policy, Role
from inspector.policy.values import did_you_mean
from inspector.reference import STDIN, Reference, Scheme, parse_reference
from inspector.sources.image import Image

MAX_NAMES = 5
"""Names of an image that a message shows."""


class Held(msgspec.Struct, frozen=True):
    """A reference, and the role that it is held against if that is settled before it is opened."""

    reference: Reference
    role: Role | None = None


class Trial(msgspec.Struct, frozen=True):
    """One image in one role under one name; or, without a role, the finding that says why there is none."""

    job: Job
    name: str
    role: Role | None
    finding: Finding | None = None


def check(
    references: Sequence[Reference | str], policy: Policy, options: Options = DEFAULTS, progress: Progress | None = None
) -> Report:
    """The verdict on the images that the references name, or on those that the policy lists if none is given.

    An image that can't be read, or has no role, is unknown in its place. Raises `PolicyError` for a role
    that the policy lacks, `UsageError` where there is nothing to check, `InvalidReference`.
    """
    policy = _asking(policy, options.python)
    held = _held(references, policy, options.role)
    surveyor = Surveyor(options, progress)
    opened = surveyor.open([Asked(each.reference, _platform(each.role, options)) for each in held])
    trials = [list(_trials(*pair, policy, options.python or "python")) for pair in zip(held, opened, strict=True)]
    jobs = list({id(trial.job): trial.job for each in trials for trial in each}.values())
    seen = {id(job): each for job, each in zip(jobs, surveyor.read(jobs), strict=True)}
    results: list[Result] = []
    for each, source, its_trials in zip(held, opened, trials, strict=True):
        if source.cause is not None:
            results.append(_unread(str(each.reference), each.role, error_fact(source.cause)))
        results += [_result(trial, seen[id(trial.job)]) for trial in its_trials]
    unmet = [] if options.role else _unmet(policy, results)
    if policy.exhaustive:
        results += [_missing(role) for role in unmet]
    lost = not policy.exhaustive and any(result.role is None and result.facts for result in results)
    warnings = tuple(map(_warning, unmet)) if lost else ()  # a misspelt `match` is what both have in common
    outcome = worst(each.outcome for each in results)
    return Report(outcome=outcome, results=tuple(_told_apart(results)), warnings=warnings)


def _asking(policy: Policy, python: str | None) -> Policy:
    """The policy with another command for all roles, where one was asked for."""
    if python is None:
        return policy
    roles = tuple(msgspec.structs.replace(role, python_command=python) for role in policy.roles)
    return msgspec.structs.replace(policy, roles=roles)


def _held(references: Sequence[Reference | str], policy: Policy, named: str | None) -> list[Held]:
    role = _role(policy, named) if named is not None else None
    listed = {image.reference: policy.role(image.role) for image in policy.images if image.role is not None}
    asked = [parse_reference(each) if isinstance(each, str) else each for each in references]
    ours = [image for image in policy.images if named is None or image.role in (named, None)]
    asked = asked or [_beside(policy, parse_reference(image.reference)) for image in ours]
    if not asked:
        raise UsageError(f"nothing to check: name an image, or list them as `images` in {policy.origin}")
    return [Held(each, role or listed.get(str(each))) for each in asked]


def _role(policy: Policy, name: str) -> Role:
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


def _platform(role: Role | None, options: Options) -> Platform | Literal["all"] | None:
    """What was asked for, else what the role is for, where that is known before the image is opened."""
    return options.platform or (role.platform if role else None)


def _trials(held: Held, opened: Opened, policy: Policy, python: str) -> Iterator[Trial]:
    for image in opened.images:
        name = shown_name(image.reference, image.tags)
        if held.role is not None:
            name = held.role.name if policy.exhaustive else name
            yield Trial(Job(image, held.role.python_command), name, held.role)
            continue
        names = names_of(_typed(held.reference, image), image.tags)
        match roles_for(names, policy):
            case Ambiguous() as ambiguous:
                yield Trial(Job(image, python), ambiguous.name, None, _two_roles(ambiguous))
            case ():
                yield Trial(Job(image, python), name, None, _no_role(names, policy))
            case claimed:
                jobs = {role.python_command: Job(image, role.python_command) for _, role in claimed}
                for its_name, role in claimed:
                    yield Trial(jobs[role.python_command], its_name, role)


def _typed(reference: Reference, image: Image) -> list[str]:
    """What was typed for the image: with its scheme, and without if that is no path."""
    named = reference.scheme in (Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY)
    return [reference.text, image.reference, *([reference.name] if named else [])]


def _no_role(names: Sequence[str], policy: Policy) -> Finding:
    listed = names[:MAX_NAMES]
    return role_finding(
        "no-role", f"no role's `match` fits any of its names: {', '.join(listed)}{near(listed, policy)}"
    )


def _two_roles(ambiguous: Ambiguous) -> Finding:
    roles = " and ".join(repr(role) for role in ambiguous.roles)
    return role_finding("two-roles", f"the roles {roles} both claim {ambiguous.name}; none was taken")


def _result(trial: Trial, seen: Seen) -> Result:
    if seen.facts is None:
        return _unread(trial.name, trial.role, seen.error or ErrorFact("internal-error", "neither facts nor an error"))
    if trial.role is not None:
        return judge(seen.facts, trial.role, image=trial.name)
    findings = (trial.finding,) if trial.finding else ()
    return Result(image=trial.name, role=None, outcome="unknown", findings=findings, facts=seen.facts)


def _unread(image: str, role: Role | None, error: ErrorFact) -> Result:
    return Result(
        image=image,
        role=role.name if role else None,
        outcome="unknown",
        findings=(error_finding(error, role, image),),
        facts=None,
        error=error,
        description=role.description if role else "",
    )


def _told_apart(results: Sequence[Result]) -> Iterator[Result]:
    """The results, images that share a name called by what they were read by, and their platform if they share that."""
    by_name = Counter(result.image for result in results)
    by_reference = Counter((result.facts.reference, result.role) for result in results if result.facts)
    for result in results:
        facts = result.facts
        if facts is None or by_name[result.image] == 1:
            yield result
            continue
        platform = f" ({facts.platform})" if by_reference[facts.reference, result.role] > 1 else ""
        yield msgspec.structs.replace(result, image=f"{facts.reference}{platform}")


def _unmet(policy: Policy, results: Sequence[Result]) -> list[Role]:
    """The roles that wait for an image by name, and got none."""
    met = {result.role for result in results}
    return [role for role in policy.roles if role.match and role.name not in met]


def _missing(role: Role) -> Result:
    error = NotFound(f"no image {role.name!r} among what was given")
    return _unread(role.name, role, error_fact(error))


def _warning(role: Role) -> str:
    return f"role {role.name!r} fits no image given: its match is {', '.join(role.match)}"
