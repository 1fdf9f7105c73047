"""A baseline: what was wrong with images, and how large they were, when it was written; checks may only get better.

The file is JSON with one entry a line, sorted, without times, lines and layer numbers, so that merges conflict seldom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from inspector.errors import UsageError
from inspector.facts import ImageFacts
from inspector.names import familiar
from inspector.policy.comparison import Figures, figures_of
from inspector.policy.findings import Earlier
from inspector.policy.identity import repository_of
from inspector.policy.model import Finding, Result
from inspector.policy.selection import ALL, ALWAYS, Checks
from inspector.policy.steps import shorten

SCHEMA = "inspector-baseline/1"
MAX_FILE = 16 << 20
MAX_SHOWN = 200
"""Characters of what the file says that an error quotes."""
NAME = "the baseline"
MAX_SIZE = 1 << 60


class Place(msgspec.Struct, frozen=True, order=True):
    """The role, and the image's repository, that entries are of."""

    role: str
    image: str


class _Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    role: str
    image: str

    @property
    def place(self) -> Place:
        """Where it was."""
        return Place(self.role, self.image)


class Known(_Entry, frozen=True, kw_only=True):
    """A finding that was there: its identity, what it is about, and why it was accepted, where that was stated.

    One that was a warning is not known once it is a failure.
    """

    check: str
    subject: str = ""
    finding: str
    outcome: Literal["fail", "warn"] = "fail"
    accepted: str = ""

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding of this identity is no worse than it was."""
        return finding.outcome == "warn" or self.outcome == "fail"

    @property
    def key(self) -> tuple[str, ...]:
        """What entries are sorted by."""
        return self.role, self.image, self.check, self.subject, self.finding


class Measured(_Entry, frozen=True, kw_only=True):
    """What an image was: figures as in `comparison.Figures`, sizes rounded up; those left out are not compared.

    `digest` is that of the image that was measured, for information.
    """

    digest: str = ""
    build: str | None = None
    accelerator: str | None = None
    python: str | None = None
    size: int | None = None
    stack_size: int | None = None
    packages: int | None = None
    accepted: str = ""

    @property
    def figures(self) -> Figures:
        """The figures to compare."""
        return Figures(
            build=self.build,
            version=self.accelerator,
            python=self.python,
            size=self.size,
            stack_size=self.stack_size,
            packages=self.packages,
        )


class Baseline(msgspec.Struct, frozen=True):
    """Images by place, and known findings by place and identity."""

    images: Mapping[Place, Measured] = {}
    findings: Mapping[Place, Mapping[str, Known]] = {}

    def of(self, result: Result) -> Mapping[str, Known]:
        """List the known findings of an image in its role, by identity."""
        place = place_of(result)
        return self.findings.get(place, {}) if place is not None else {}

    def earlier(self, role: str, image: str, facts: ImageFacts | None) -> Earlier | None:
        """Return the figures to compare an image with; None for an image that it does not list."""
        found = self.images.get(_place(role, image, facts))
        return None if found is None else Earlier(NAME, found.figures, is_baseline=True)

    def entries(self) -> Iterator[Measured | Known]:
        """Yield all entries in the order of the file: images first, then their findings."""
        for place in sorted({*self.images, *self.findings}):
            if place in self.images:
                yield self.images[place]
            yield from sorted(self.findings.get(place, {}).values(), key=lambda each: each.key)


EMPTY = Baseline()


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    images: list[Any]


def place_of(result: Result) -> Place | None:
    """Return the place of a result; None for one in no role."""
    return None if result.role is None else _place(result.role, result.image, result.facts)


def _place(role: str, image: str, facts: ImageFacts | None) -> Place:
    """Say where an image belongs by its tags, since a report may call it by the file that it was read from."""
    tags = [familiar(tag) for tag in facts.tags] if facts is not None else []
    name = repository_of(tags[0] if tags and image not in tags else image)
    return Place(role, name.encode("utf-8", "backslashreplace").decode())


def load_baseline(path: Path) -> Baseline:
    """Read a baseline. Raises `UsageError` for a missing or invalid one, since what it knows must not be guessed."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        told = f"{path}: can't be read: {error.strerror or error}"
        raise UsageError(f"{told}; `inspector baseline -o {path}` writes one") from error
    if len(content) > MAX_FILE:
        raise UsageError(f"{path}: more than {MAX_FILE} bytes, so hardly a baseline")
    try:
        return _read(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        told = shorten(str(error), MAX_SHOWN)
        raise UsageError(f"{path}: invalid baseline: {told}; write it again with `inspector baseline`") from error


def _read(content: bytes) -> Baseline:
    document = msgspec.json.decode(content, type=_Document)
    if document.schema != SCHEMA:
        raise ValueError(f"schema {document.schema[:MAX_SHOWN]!r}, where {SCHEMA!r} was expected")
    entries: list[Measured | Known] = []
    for at, raw in enumerate(document.images):
        is_known = isinstance(raw, dict) and "finding" in raw
        try:
            entries.append(_valid(msgspec.convert(raw, Known) if is_known else msgspec.convert(raw, Measured)))
        except (msgspec.ValidationError, ValueError) as error:
            raise ValueError(f"images[{at}]: {error}") from None
    return baseline_of(entries)


def _valid(entry: Measured | Known) -> Measured | Known:
    if isinstance(entry, Known) and entry.check in ALWAYS:
        raise ValueError(f"{entry.check!r} can't be known: nothing passes that was not read")
    if isinstance(entry, Measured):
        for number in (entry.size, entry.stack_size, entry.packages):
            if number is not None and not 0 <= number < MAX_SIZE:
                raise ValueError(f"{number} is no size")
    return entry


def baseline_of(entries: Iterable[Measured | Known]) -> Baseline:
    """Make a baseline of its entries. Raises `ValueError` where one is there twice."""
    images: dict[Place, Measured] = {}
    findings: dict[Place, dict[str, Known]] = {}
    for each in entries:
        if isinstance(each, Known):
            own = findings.setdefault(each.place, {})
            if own.setdefault(each.finding, each) is not each:
                raise ValueError(f"the finding {each.finding[:MAX_SHOWN]!r} stands twice: remove one")
        elif images.setdefault(each.place, each) is not each:
            raise ValueError(
                f"the image {each.image[:MAX_SHOWN]!r} in {each.role[:MAX_SHOWN]!r} stands twice: remove one"
            )
    return Baseline(images, findings)


def unknown_in(result: Result) -> set[str] | None:
    """Return the checks of which something is unknown; None where all may be, as the image was not read whole."""
    unknown = {each.check for each in result.findings if each.outcome == "unknown"}
    return None if result.facts is None or not unknown.isdisjoint(ALWAYS) else unknown


def gone_of(baseline: Baseline, results: Iterable[Result], checks: Checks = ALL) -> list[Known]:
    """List the known findings of the checks that the images which were checked have no more."""
    own: dict[str, Known] = {}
    kept: set[str] = set()
    for result in results:
        unknown = unknown_in(result)
        there = baseline.of(result)
        own |= there
        kept.update(each.id for each in result.findings if each.outcome != "pass")
        kept.update(each.finding for each in there.values() if unknown is None or each.check in unknown)
    gone = [each for name, each in own.items() if name not in kept and checks.take(each.check)]
    return sorted(gone, key=lambda each: each.key)


def measured(result: Result) -> Measured | None:
    """Measure an image that was read; None for one in no role, or without facts."""
    place = place_of(result)
    if place is None or result.facts is None:
        return None
    figures = figures_of(result.facts)
    return Measured(
        role=place.role,
        image=place.image,
        digest=result.facts.image_id or "",
        build=figures.build,
        accelerator=figures.version,
        python=figures.python,
        size=rounded_up(figures.size),
        stack_size=rounded_up(figures.stack_size),
        packages=len(figures.packages) if isinstance(figures.packages, frozenset) else None,
    )


def known(result: Result, finding: Finding, accepted: str = "") -> Known:
    """Return the entry for a finding of a result that is in a role."""
    place = place_of(result)
    assert place is not None
    return Known(
        role=place.role,
        image=place.image,
        check=finding.check,
        subject=finding.subject or "",
        finding=finding.id,
        outcome="warn" if finding.outcome == "warn" else "fail",
        accepted=accepted,
    )


def rounded_up(size: int | None) -> int | None:
    """Return a size in three digits, never less, so that a rebuild rarely changes it.

    >>> rounded_up(6_126_402_118), rounded_up(999_001), rounded_up(12)
    (6130000000, 1000000, 12)
    """
    if size is None:
        return None
    step: int = 10 ** max(0, len(str(size)) - 3)
    return -(-size // step) * step
