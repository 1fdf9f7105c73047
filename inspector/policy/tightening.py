"""A baseline that is written again from a report: it only tightens, unless a person states why it may loosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from inspector.policy.baselines import Baseline, Known, Measured, Place, baseline_of, gone_of, known, measured, place_of
from inspector.policy.model import Finding, Result
from inspector.policy.rules.against import BASELINE
from inspector.policy.selection import ALWAYS


class Refused(NamedTuple):
    """A finding that the baseline does not take without a reason, and its image."""

    image: str
    finding: Finding


class Updated(NamedTuple):
    """The baseline that follows; what was added to it, removed from it, and what it refused to take."""

    baseline: Baseline
    added: list[Known]
    removed: list[Known]
    refused: list[Refused]


def updated(old: Baseline | None, results: Collection[Result], roles: Collection[str], accept: str = "") -> Updated:
    """Return the baseline of results that were checked with the `old` one; None for the first.

    What images that were not read had, stays; roles that the policy has no more go. With `accept`, a reason, what is
    worse is taken and keeps it.
    """
    before = old or Baseline()
    removed = gone_of(before, results)
    gone = {each.finding for each in removed}
    lost = [each for own in before.findings.values() for each in own.values() if each.role not in roles]
    kept = [each for own in before.findings.values() for each in own.values() if each.finding not in gone]
    added: dict[str, Known] = {}
    refused: list[Refused] = []
    worse: set[Place] = set()
    for result in results:
        place = place_of(result)
        if place is None:
            continue
        for finding in _new(result):
            if old is not None and not accept:
                refused.append(Refused(result.image, finding))
            elif is_measure(finding):
                worse.add(place)
            else:
                added[finding.id] = known(result, finding, accept)
    images = _images(before, results, worse, accept)
    kept = [each for each in kept if each.finding not in added]  # a warning that is a failure now
    entries: list[Known | Measured] = [*images.values(), *kept, *added.values()]
    found = baseline_of(each for each in entries if each.role in roles)
    return Updated(found, list(added.values()), removed + lost, refused)


def is_measure(finding: Finding) -> bool:
    """Tell whether a finding is about the figures of the baseline itself."""
    return (finding.subject or "").endswith(BASELINE)


def _new(result: Result) -> Iterator[Finding]:
    """Yield what is wrong and neither waived nor known; of packages added since the baseline, only that they were."""
    for each in result.findings:
        if (
            each.outcome in ("fail", "warn")
            and each.check not in ALWAYS
            and (each.outcome == "fail" or not is_measure(each))
        ):
            yield each


def _images(
    before: Baseline, results: Collection[Result], worse: Collection[Place], accept: str
) -> dict[Place, Measured]:
    """Measure the images; several of one place together, so that each of them is within the figures."""
    now: dict[Place, Measured] = {}
    for result in results:
        found = measured(result)
        if found is not None:
            now[found.place] = _widest(now[found.place], found) if found.place in now else found
    images = dict(before.images)
    for place, found in now.items():
        if place in worse:
            images[place] = msgspec.structs.replace(found, accepted=accept)
        else:
            images[place] = _tightest(images[place], found) if place in images else found
    return images


def _widest(one: Measured, other: Measured) -> Measured:
    """Return figures that both images are within; what differs otherwise is left out."""
    words = {name: getattr(one, name) for name in ("build", "accelerator", "python")}
    sizes = {name: (getattr(one, name), getattr(other, name)) for name in ("size", "stack_size", "packages")}
    return msgspec.structs.replace(
        one,
        **{name: word if getattr(other, name) == word else None for name, word in words.items()},
        **{name: None if None in pair else max(pair) for name, pair in sizes.items()},
    )


def _tightest(old: Measured, new: Measured) -> Measured:
    """Return the smaller figures, and what was left out; the old entry where that changes nothing."""
    found = old
    for name in ("build", "accelerator", "python"):
        if getattr(old, name) is None and (name != "accelerator" or old.build is None):
            found = msgspec.structs.replace(found, **{name: getattr(new, name)})
    for name in ("size", "stack_size", "packages"):
        sizes = [size for size in (getattr(old, name), getattr(new, name)) if size is not None]
        found = msgspec.structs.replace(found, **{name: min(sizes, default=None)})
    return old if found == old else msgspec.structs.replace(found, digest=new.digest)
