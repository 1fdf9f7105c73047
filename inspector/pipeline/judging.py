"""The roles that an image of a registry is in by its tags, and the verdicts on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from inspector import work
from inspector.facts import ImageFacts, gather
from inspector.facts.unread import unread
from inspector.layers.indexer import Indexer
from inspector.pipeline.reading import error_fact
from inspector.pipeline.trials import two_roles
from inspector.policy.audited import Audited, python_of
from inspector.policy.findings import error_finding, role_finding
from inspector.policy.judge import judge, judge_early
from inspector.policy.match import Ambiguous, familiar, names_of, near, roles_for
from inspector.policy.model import ErrorFact, Finding, Result
from inspector.policy.role import Policy, Role
from inspector.sources.image import Image

MAX_NAMES = 5
"""Names of an image that are held against the patterns once more, for one that nearly fits."""


class Seat(msgspec.Struct, frozen=True):
    """A role that an image is in, and by which of its names; without a role, the finding that says why, if one does."""

    names: tuple[str, ...]
    role: Role | None = None
    finding: Finding | None = None


class Judge:
    """Holds images against a policy; without one, tells facts alone. `held` is the one role for all, where one is.

    With `whole`, everything is read before a verdict, also where manifest and config would do.
    """

    def __init__(
        self,
        policy: Policy | None,
        held: Role | None,
        *,
        python: str,
        whole: bool,
        seconds: float = work.DEFAULT_SECONDS,
    ) -> None:
        self._policy = policy
        self._held = held
        self._python = python
        self._whole = whole
        self._seconds = seconds

    def roles(self, name: str) -> list[Role]:
        """The roles that one name is in."""
        if self._policy is None or self._held is not None:
            return [self._held] if self._held else []
        return [role for role, _ in self._claims([name], self._policy)[0].values()]

    def seats(self, names: Sequence[str]) -> list[Seat]:
        """Each role that the names lead to, with these names; or why they lead to none."""
        if self._policy is None or self._held is not None:
            return [Seat(tuple(names), self._held)]
        by_role, contradictions = self._claims(names, self._policy)
        seats = [Seat(tuple(its_names), role) for role, its_names in by_role.values()] + contradictions
        return seats or [Seat(tuple(names), finding=_no_role(names, self._policy))]

    @staticmethod
    def _claims(names: Sequence[str], policy: Policy) -> tuple[dict[str, tuple[Role, list[str]]], list[Seat]]:
        """The roles that claim names, with these names; and the names that several claim."""
        by_role: dict[str, tuple[Role, list[str]]] = {}
        contradictions: list[Seat] = []
        for name in names:
            match roles_for(names_of([name, _tag_of(name)], [name]), policy):
                case Ambiguous() as ambiguous:
                    contradictions.append(Seat((name,), finding=two_roles(ambiguous)))
                case claimed:
                    for _, role in claimed:
                        by_role.setdefault(role.name, (role, []))[1].append(name)
        return by_role, contradictions

    def needs_layers(self, image: Image, name: str) -> bool:
        """Whether the verdict on the image under this name hangs on what its layers hold."""
        if self._policy is None:
            return True
        roles = self.roles(name)
        if self._whole or not roles:
            return bool(roles)
        facts = unread(image)
        return any(judge_early(facts, role, image=name) is None for role in roles)

    def verdicts(self, image: Image, names: Sequence[str], digest: str, indexer: Indexer | None) -> Iterator[Audited]:
        """A result for each role that the image is in; without an `indexer`, by its manifest and config alone."""
        by_command: dict[str, ImageFacts | ErrorFact] = {}
        for seat in self.seats(names):
            python = seat.role.python_command if seat.role else self._python
            if indexer is None or (seat.role is None and self._policy is not None):
                facts: ImageFacts | ErrorFact = unread(image)
            else:
                if python not in by_command:
                    by_command[python] = _facts(image, indexer, python, self._seconds)
                facts = by_command[python]
            yield self._verdict(image, seat, digest, facts)

    def failure(self, name: str, error: Exception) -> Iterator[Audited]:
        """The results for what could not be opened: one for each role that its name is in."""
        for seat in self.seats([name]):
            yield self._unread(name, seat, error_fact(error))

    def _verdict(self, image: Image, seat: Seat, digest: str, facts: ImageFacts | ErrorFact) -> Audited:
        name = familiar(seat.names[0])
        if isinstance(facts, ErrorFact):
            found = self._unread(seat.names[0], seat, facts)
            return msgspec.structs.replace(found, digest=digest, image_id=image.image_id, platform=image.platform)
        result = self._result(facts, seat, name)
        was_read = facts.evidence.layers_read + facts.evidence.layers_cached > 0
        return Audited(
            image=name,
            repository=_repository(seat.names[0]),
            tags=_tags(seat.names),
            digest=digest,
            image_id=facts.image_id,
            platform=facts.platform,
            role=result.role if result else None,
            outcome=result.outcome if result else None,
            findings=result.findings if result else (),
            dockerfile=result.dockerfile if result else None,
            line=result.line if result else None,
            torch=facts.torch if was_read else None,
            python=python_of(facts),
            size=facts.size,
            layers=len(facts.layers),
            warnings=facts.warnings,
            evidence=facts.evidence,
        )

    def _result(self, facts: ImageFacts, seat: Seat, name: str) -> Result | None:
        if seat.role is not None:
            early = None if self._whole else judge_early(facts, seat.role, image=name)
            was_read = facts.evidence.layers_read + facts.evidence.layers_cached > 0
            return early if early is not None and not was_read else judge(facts, seat.role, image=name)
        if seat.finding is None:
            return None
        return Result(image=name, role=None, outcome="unknown", findings=(seat.finding,), facts=facts)

    def _unread(self, name: str, seat: Seat, error: ErrorFact) -> Audited:
        return Audited(
            image=familiar(name),
            repository=_repository(name),
            tags=_tags(seat.names),
            role=seat.role.name if seat.role else None,
            outcome=None if self._policy is None else "unknown",
            dockerfile=seat.role.dockerfile if seat.role else None,
            findings=()
            if self._policy is None
            else (error_finding(error, seat.role, familiar(name), in_registry=True),),
            error=error,
        )


def _no_role(names: Sequence[str], policy: Policy) -> Finding:
    """Said in the same words of all such images, unless a pattern nearly fits, since there may be thousands."""
    return role_finding("no-role", f"no role's `match` fits any of its names{near(names[:MAX_NAMES], policy)}")


def _facts(image: Image, indexer: Indexer, python: str, seconds: float) -> ImageFacts | ErrorFact:
    try:
        with work.limited(seconds):
            return gather(image, indexer, python=python, readers=1)  # from the cache, which threads don't speed up
    except Exception as error:  # noqa: BLE001 - one bad image never ends the run
        return error_fact(error)


def _tag_of(name: str) -> str:
    """`HOST/NAME:TAG` of `HOST/NAME:TAG@DIGEST`; a name without tag or digest as it is."""
    tagged = name.partition("@")[0]
    return tagged if ":" in tagged.rpartition("/")[2] else name


def _repository(name: str) -> str:
    """`HOST/NAME` of `HOST/NAME:TAG` or `HOST/NAME@DIGEST`; a whole registry, `HOST:PORT`, as it is."""
    name = name.partition("@")[0]
    if "/" not in name:
        return name
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _tags(names: Sequence[str]) -> tuple[str, ...]:
    """The tags of such names; none of a name without, nor of a whole registry."""
    rests = (name.partition("@")[0].rpartition("/")[2].partition(":")[2] for name in names if "/" in name)
    return tuple(rest for rest in rests if rest)
