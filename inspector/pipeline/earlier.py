"""What images are compared with: the image that `against` names for their role, and the figures of a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime

import msgspec

from inspector.facts import ImageFacts
from inspector.names import familiar, repository_in
from inspector.pipeline.listed import beside
from inspector.pipeline.model import Asked, Job, Options, Question, Seen, Target, error_fact
from inspector.pipeline.reading import Reader
from inspector.policy.baselines import EMPTY
from inspector.policy.comparison import figures_of
from inspector.policy.findings import Earlier
from inspector.policy.role import Policy, Role
from inspector.policy.rules.against import AGAINST, LAYERS, compares
from inspector.reference import Reference, parse_reference
from inspector.unknown import Unknown

EarlierOf = Callable[[Target, ImageFacts | None], tuple[Earlier, ...]]
"""Gives what a target is compared with, whose image has these facts."""


class _Asked(msgspec.Struct, frozen=True):
    """An image to compare with, as whose `python`."""

    reference: Reference
    python: str


def read_earlier(reader: Reader, roles: Iterable[Role], policy: Policy, options: Options) -> EarlierOf:
    """Read, each once, the images that the roles compare with; one that can't be read is unknown."""
    asked = {role.name: _asked(role, policy, options) for role in roles if role[AGAINST] is not None and compares(role)}
    seen = {each: _seen(reader, each, options) for each in dict.fromkeys(asked.values())}
    baseline = options.baseline or EMPTY

    def earlier_of(target: Target, facts: ImageFacts | None) -> tuple[Earlier, ...]:
        role = target.role
        if role is None or facts is None:
            return ()
        found = [_chosen(asked[role.name], seen[asked[role.name]], facts)] if role.name in asked else []
        known = baseline.earlier(role.name, target.names[0], facts) if compares(role) else None
        return (*found, *([known] if known else []))

    return earlier_of


def today(options: Options) -> date:
    """Return the day that waivers are compared with: the one that was given, else this one in UTC."""
    return options.today or datetime.now(UTC).date()


def _asked(role: Role, policy: Policy, options: Options) -> _Asked:
    reference = parse_reference(role[AGAINST] or "")
    return _Asked(reference if options.against else beside(policy, reference), role.python_command)


def _seen(reader: Reader, asked: _Asked, options: Options) -> list[Seen]:
    """Read all images of the reference; an error is one that was not read."""
    (opened,) = reader.open([Asked(name=asked.reference, named=True)])
    if opened.cause is not None:
        return [Seen(str(asked.reference), error=error_fact(opened.cause), cause=opened.cause)]
    question = Question(python=asked.python, whole=LAYERS, access=options.access)
    return reader.read([Job(image, question) for image in opened.images])


def _chosen(asked: _Asked, seen: Sequence[Seen], facts: ImageFacts) -> Earlier:
    """Choose the image of the same platform; of several in one archive, that of the same repository."""
    name = str(asked.reference)
    found = [each.facts for each in seen if each.facts is not None and each.facts.platform == facts.platform]
    if len(found) > 1 or any(each.facts is None for each in seen):  # one that can't be read may be the one meant
        found = [each for each in found if _repositories(each) & _repositories(facts)]
    if len(found) == 1:
        return Earlier(name, figures_of(found[0]))
    failed = next((each.error.message for each in seen if each.error is not None), "")
    several = f"{len(seen)} images, of which {len(found)} are of {facts.platform} and the same repository"
    return Earlier(name, Unknown(failed.removeprefix(f"{name}: ") or f"it names {several}; name one"))


def _repositories(facts: ImageFacts) -> set[str]:
    return {repository_in(familiar(tag)) for tag in facts.tags}
