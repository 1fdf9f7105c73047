"""The main job: images held against a policy's roles, and one report on them all."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from inspector.errors import NotFound
from inspector.facts import ImageFacts
from inspector.pipeline.reading import DEFAULTS, Asked, Options, Progress, Seen, Surveyor, error_fact
from inspector.pipeline.trials import Trial, each_once, held_references, platform_for, trials_of
from inspector.policy.findings import error_finding
from inspector.policy.judge import judge
from inspector.policy.model import ErrorFact, Report, Result, worst
from inspector.policy.role import Policy, Role
from inspector.reference import Reference
from inspector.sources.access import AccessUnusable
from inspector.unknown import Unknown


def check(
    references: Sequence[Reference | str], policy: Policy, options: Options = DEFAULTS, progress: Progress | None = None
) -> Report:
    """The verdict on the images that the references name, or on those that the policy lists if none is given.

    An image that can't be read, or has no role, is unknown in its place. Raises `PolicyError` for a role
    that the policy lacks, `UsageError` where there is nothing to check, `InvalidReference`.
    """
    policy = asking(policy, options.python)
    held = held_references(references, policy, options.role)
    with contextlib.closing(Surveyor(options, progress)) as surveyor:
        opened = surveyor.open([Asked(each.reference, platform_for(each.role, options)) for each in held])
        opened = each_once(held, opened)
        trials = [list(trials_of(*pair, policy, options)) for pair in zip(held, opened, strict=True)]
        seen = _seen(surveyor, [trial for each in trials for trial in each], options)
    results: list[Result] = []
    met = {trial.role.name for each in trials for trial in each if trial.role}
    for each, source, its_trials in zip(held, opened, trials, strict=True):
        if source.cause is not None and not (each.pattern_of in met and isinstance(source.cause, NotFound)):
            results.append(_unread(str(each.reference), each.role, error_fact(source.cause)))
        results += [_result(trial, seen[id(trial.job)]) for trial in its_trials]
    unmet = [] if options.role else _unmet(policy, results)
    if policy.exhaustive:
        results += [_missing(role) for role in unmet]
    lost = not policy.exhaustive and any(result.role is None and result.facts for result in results)
    warnings = tuple(map(_warning, unmet)) if lost else ()  # a misspelt `match` is what both have in common
    outcome = worst(each.outcome for each in results)
    return Report(outcome=outcome, results=tuple(_told_apart(results)), warnings=warnings)


def asking(policy: Policy, python: str | None) -> Policy:
    """The policy with another command for all roles, where one was asked for."""
    if python is None:
        return policy
    roles = tuple(role.replaced(python_command=python) for role in policy.roles)
    return msgspec.structs.replace(policy, roles=roles)


def _seen(surveyor: Surveyor, trials: Sequence[Trial], options: Options) -> dict[int, Seen]:
    """What was seen for each job, by its identity; read again, and whole, where a glance did not settle a trial."""
    jobs = list({id(trial.job): trial.job for trial in trials}.values())
    seen = {id(job): each for job, each in zip(jobs, surveyor.read(jobs), strict=True)}
    if options.access is not None:
        return seen
    left_open = {id(trial.job): why for trial in trials if (why := _unsettled(trial, seen[id(trial.job)].facts))}
    again = [job for job in jobs if id(job) in left_open]
    for job, each in zip(again, surveyor.read([job.wholly(left_open[id(job)]) for job in again]), strict=True):
        glanced = seen[id(job)].facts
        if each.facts is not None and glanced is not None:
            facts = msgspec.structs.replace(each.facts, runtime=glanced.runtime)
            seen[id(job)] = msgspec.structs.replace(each, facts=facts)
        elif not isinstance(each.cause, AccessUnusable):
            seen[id(job)] = each
    return seen


def _unsettled(trial: Trial, facts: ImageFacts | None) -> str:
    """What a glance at single files left open of a trial; empty where it left nothing open, or there was none."""
    if facts is None or trial.role is None or not isinstance(facts.torch_elsewhere, Unknown):
        return ""
    findings = judge(facts, trial.role, image=trial.name).findings
    open_ones = (one for one in findings if one.outcome == "unknown" and one.check != "cuda-runtime")
    return next((f"{one.check}: {one.message}" for one in open_ones), "")


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
        dockerfile=role.dockerfile if role else None,
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
