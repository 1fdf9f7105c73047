"""The main job: images checked in a policy's roles, and one report on them all."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from inspector.errors import NotFound
from inspector.facts import ImageFacts
from inspector.pipeline.earlier import EarlierOf, read_earlier, today
from inspector.pipeline.judging import asking, imports_asked, judge_target, unread
from inspector.pipeline.listed import each_once, names_to_check, without_ignored
from inspector.pipeline.model import DEFAULTS, Job, Opened, Options, Progress, Question, Seen, Target, error_fact
from inspector.pipeline.reading import Reader
from inspector.pipeline.roles import targets_of
from inspector.policy.baselines import EMPTY, gone_of
from inspector.policy.excuses import Excuses, gone_told
from inspector.policy.judge import judge
from inspector.policy.model import Report, Result, worst
from inspector.policy.needs import needs_run, needs_sizes, packages_needed, whole_facts_needed
from inspector.policy.role import Policy, Role
from inspector.reference import Reference
from inspector.sources.access import AccessUnusable
from inspector.sources.image import Image
from inspector.unknown import Unknown

MANY = 10
"""Images of an engine beyond which a person hears that all of them are read."""


def check(
    references: Sequence[Reference | str], policy: Policy, options: Options = DEFAULTS, progress: Progress | None = None
) -> Report:
    """Check the images that the references name, or those that the policy lists if none is given.

    An image that can't be read, or has no role, is unknown in its place. Raises `PolicyError` for a role
    that the policy lacks, `UsageError` where there is nothing to check, `InvalidReference`.

    >>> check(["docker-archive:api.tar"], load_policy("inspector.toml")).outcome
    'pass'
    """
    policy, options = asking(policy, options), options.trusting(policy.trust_toc)
    asked = names_to_check(references, policy, options.role)
    with contextlib.closing(Reader(options, progress)) as reader:
        opened = each_once(reader.open(asked))
        matched = sum(len(each.images) for each in opened if each.asked.pattern_of)
        if matched > MANY and progress is not None:
            progress.tell(f"{matched:,} of the engine's images fit the roles' patterns; reading all of them")
        opened, ignored, noted = without_ignored(opened, policy)
        plan = _Plan(opened, policy, options)
        earlier = read_earlier(reader, plan.roles, policy, options)
        seen = plan.read(reader, earlier)
    baseline = options.baseline or EMPTY
    excuses = Excuses(policy.waivers, today(options), baseline)
    results = list(_results(opened, plan, seen, earlier, excuses))
    unmet = [] if options.role else _unmet(policy, results)
    if policy.exhaustive:
        results += [
            unread(role.name, role, error_fact(NotFound(f"no image {role.name!r} among what was given")))
            for role in unmet
        ]
    else:
        noted += _misspelt(unmet, results)
    is_whole = not references and options.role is None  # else a waiver may be for an image that was not asked about
    stale = tuple(excuses.stale(options.checks)) if is_whole else ()
    gone = gone_of(baseline, results, options.checks)
    return Report(
        outcome=worst(each.outcome for each in results),
        results=tuple(_with_distinct_names(results)),
        warnings=(*noted, *excuses.ending(), *stale, *gone_told(gone)),
        ignored=ignored,
        stale=len(stale) + len(gone),
    )


def _results(
    opened: Sequence[Opened], plan: _Plan, seen: Sequence[Seen], earlier: EarlierOf, excuses: Excuses
) -> Iterator[Result]:
    """Yield the results of each name that was asked for, in their order.

    That a pattern of a role fits no image counts only where none of the role's other patterns does.
    """
    met = {role.name for role in plan.roles}
    for each, its_targets in zip(opened, plan.targets, strict=True):
        if each.cause is not None and not (each.asked.pattern_of in met and isinstance(each.cause, NotFound)):
            yield unread(str(each.asked.name), each.asked.role, error_fact(each.cause))
        for job, target in its_targets:
            before = earlier(target, seen[job].facts)
            yield judge_target(target, seen[job], target.names[0], excuses=excuses, earlier=before)


class _Plan:
    """The images to read, each once for all roles that ask about the same command.

    `targets` has, for each name that was opened, its targets, each with the place of its image among the `jobs`.
    """

    def __init__(self, opened: Sequence[Opened], policy: Policy, options: Options) -> None:
        self._options = options
        self.jobs: list[Job] = []
        self.targets = [
            [pair for image in each.images for pair in self._planned(image, targets_of(each.asked, image, policy))]
            for each in opened
        ]

    @property
    def roles(self) -> list[Role]:
        """The roles that images are in, each once."""
        roles = (target.role for its_targets in self.targets for _, target in its_targets)
        return list({role.name: role for role in roles if role is not None}.values())

    def read(self, reader: Reader, earlier: EarlierOf) -> list[Seen]:
        """Read all images; again, and whole, those of which a partial inspection left something open."""
        seen = reader.read(self.jobs)
        if self._options.access is not None:
            return seen
        pairs = [pair for its_targets in self.targets for pair in its_targets]
        left_open = {job: why for job, target in pairs if (why := _left_open(target, seen[job].facts, earlier))}
        again = reader.read([self.jobs[job].wholly(why) for job, why in left_open.items()]) if left_open else []
        for job, each in zip(left_open, again, strict=True):
            partial = seen[job].facts
            if each.facts is not None and partial is not None:
                facts = msgspec.structs.replace(each.facts, runtime=partial.runtime)
                seen[job] = msgspec.structs.replace(each, facts=facts)
            elif not isinstance(each.cause, AccessUnusable):
                seen[job] = each
        return seen

    def _planned(self, image: Image, targets: Sequence[Target]) -> Iterator[tuple[int, Target]]:
        by_command: dict[str, list[Role]] = {}
        for target in targets:
            by_command.setdefault(target.python(self._options), []).extend([target.role] if target.role else [])
        place = {python: at for at, python in enumerate(by_command, len(self.jobs))}
        self.jobs += [self._job(image, roles, python) for python, roles in by_command.items()]
        yield from ((place[target.python(self._options)], target) for target in targets)

    def _job(self, image: Image, roles: Sequence[Role], python: str) -> Job:
        """Ask of an image what the roles together need."""
        whole = next((need for role in roles if (need := whole_facts_needed(role))), "")
        sizes = self._options.sizes or any(map(needs_sizes, roles))
        whole = whole or ("where the bytes are, only the layers tell" if sizes else "")
        packages = next((need for role in roles if (need := packages_needed(role))), "")
        run = self._options.runtime != "never" and any(map(needs_run, roles))
        imports = imports_asked(roles, self._options)
        access = self._options.access
        question = Question(python=python, whole=whole, packages=packages, access=access, imports=imports, sizes=sizes)
        return Job(image, question, run=run)


def _left_open(target: Target, facts: ImageFacts | None, earlier: EarlierOf) -> str:
    """Tell what a partial inspection left open for a target; empty where it left nothing, or there was none."""
    if facts is None or target.role is None or not isinstance(facts.torch_elsewhere, Unknown):
        return ""
    findings = judge(facts, target.role, image=target.names[0], earlier=earlier(target, facts)).findings
    open_ones = (one for one in findings if one.outcome == "unknown" and one.check not in ("cuda-runtime", "against"))
    return next((f"{one.check}: {one.message}" for one in open_ones), "")


def _with_distinct_names(results: Sequence[Result]) -> Iterator[Result]:
    """Call images that share a name by what they were read by, and their platform if they share that."""
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
    """List the roles that wait for an image by name, and got none."""
    met = {result.role for result in results}
    return [role for role in policy.roles if role.match and role.name not in met]


def _misspelt(unmet: Sequence[Role], results: Sequence[Result]) -> list[str]:
    """Warn of roles that got no image where an image got no role: a misspelt `match` leads to both."""
    if not any(result.role is None and result.facts for result in results):
        return []
    return [f"role {role.name!r} fits no image given: its match is {', '.join(role.match)}" for role in unmet]
