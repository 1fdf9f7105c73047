"""Images against the hosts of fleets: what `fleet matrix` reports, as values, and the words that its formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from inspector.facts import ImageFacts
from inspector.gpu.hosts import Host
from inspector.gpu.onhost import WORST_FIRST, Cause, OnHost, joined
from inspector.gpu.prediction import Stage, Verdict
from inspector.policy.match import shown_name
from inspector.policy.model import SCHEMA, Outcome
from inspector.policy.predicted import predicted
from inspector.policy.role import Fleet
from inspector.report.document import ShowError
from inspector.values import Plain
from inspector.words import count

OUTCOMES: Mapping[Verdict, Outcome] = {"works": "pass", "fails": "fail", "unknown": "unknown"}
"""The outcomes whose marks and colours the verdicts have."""
_WORDS: Mapping[Stage, str] = {
    "host": "profile",
    "absent": "no torch",
    "import": "no import",
    "start": "refused",
    "injection": "no GPU",
    "hidden": "GPUs hidden",
    "build": "wrong build",
    "library": "libcuda",
    "driver": "driver",
    "code": "no kernels",
    "extensions": "extensions",
    "works": "works",
}
_UNKNOWN_WORDS: Mapping[Stage, str] = {
    "injection": "injection",
    "build": "build",
    "import": "import",
    "code": "kernels",
}
_GPUS = 2
"""GPUs of a host that the head of a column names."""


class ImageOnFleet(Plain, frozen=True, kw_only=True):
    """One image, and what would happen on each host, in their order."""

    reference: str
    name: str
    image_id: str | None
    hosts: tuple[OnHost, ...]


class FleetMatrix(Plain, frozen=True, kw_only=True):
    """The images against the hosts of one fleet."""

    fleet: str
    hosts: tuple[Host, ...]
    images: tuple[ImageOnFleet, ...]


class Matrix(Plain, frozen=True, kw_only=True):
    """What `fleet matrix --format json` prints; `errors` are of images that were not read."""

    schema: str = SCHEMA
    fleets: tuple[FleetMatrix, ...]
    errors: tuple[ShowError, ...] = ()


class Told(NamedTuple):
    """A cause that is told below a table, once for all images and hosts that have it."""

    verdict: Verdict
    word: str
    change: str
    reason: str
    where: str


def matrix(images: Iterable[ImageFacts], fleets: Iterable[Fleet], errors: tuple[ShowError, ...] = ()) -> Matrix:
    """Predict for each image on each host of each fleet."""
    read = list(images)
    return Matrix(fleets=tuple(_of_fleet(read, fleet) for fleet in fleets), errors=errors)


def _of_fleet(images: Iterable[ImageFacts], fleet: Fleet) -> FleetMatrix:
    rows = tuple(
        ImageOnFleet(
            reference=facts.reference,
            name=shown_name(facts.reference, facts.tags),
            image_id=facts.image_id,
            hosts=tuple(predicted(facts, fleet.hosts)),
        )
        for facts in images
    )
    return FleetMatrix(fleet=fleet.name, hosts=fleet.hosts, images=rows)


def word_of(cause: Cause) -> str:
    """Return a cause in one or two words, for the cell of a table."""
    return (_UNKNOWN_WORDS if cause.verdict == "unknown" else {}).get(cause.stage) or _WORDS[cause.stage]


def cell(found: OnHost) -> str:
    """Return what would happen on a host in a few words: the causes of its verdict."""
    words = dict.fromkeys(word_of(each) for each in found.causes if each.verdict == found.verdict)
    note = ", note" if found.verdict == "works" and found.notes else ""
    return (", ".join(words) or found.verdict) + note


def head(host: Host) -> tuple[str, str, str]:
    """Return what the head of a host's column says: its name, its GPUs, its driver."""
    models = list(dict.fromkeys(host.gpus))
    more = f" +{len(models) - _GPUS}" if len(models) > _GPUS else ""
    return host.name, ", ".join(models[:_GPUS]) + more, host.driver


def tally(found: FleetMatrix) -> str:
    """Return how many of the pairs of image and host work, fail, and can't be told."""
    verdicts = [each.verdict for image in found.images for each in image.hosts]
    counts = ((verdict, verdicts.count(verdict)) for verdict in reversed(WORST_FIRST))
    words = {"works": "work", "fails": "fail", "unknown": "unknown"}
    pairs = f"{count(len(found.images), 'image')}, {count(len(found.hosts), 'host')}"
    return f"{pairs}: {', '.join(f'{number} {words[verdict]}' for verdict, number in counts if number) or 'nothing'}"


def causes(found: FleetMatrix) -> list[Told]:
    """List what fails or can't be told, and what is noted: the worst first, each with where it holds."""
    met: dict[tuple[Verdict, str, str], tuple[list[str], dict[str, list[str]]]] = {}
    for image in found.images:
        for host in image.hosts:
            for key, reason in _told(host):
                reasons, names = met.setdefault(key, ([], {}))
                reasons.append(reason)
                names.setdefault(image.name, []).append(host.host)
    listed = [Told(*key, joined(reasons), _where(names, len(found.hosts))) for key, (reasons, names) in met.items()]
    return sorted(listed, key=lambda each: WORST_FIRST.index(each.verdict))


def _told(host: OnHost) -> Iterator[tuple[tuple[Verdict, str, str], str]]:
    """Yield what causes are put together by, and the reason of each."""
    for cause in host.causes:
        ways = f" (by {' or '.join(cause.modes)})" if cause.modes else ""
        if cause.verdict != "works":
            yield (cause.verdict, word_of(cause), cause.change), f"{cause.told}{ways}"
    for note in host.notes if host.verdict == "works" else ():
        yield ("works", "note", ""), note


def _where(names: Mapping[str, list[str]], hosts: int) -> str:
    """Return which images on which hosts; images that have the same hosts together."""
    together: dict[tuple[str, ...], list[str]] = {}
    for name, on in names.items():
        together.setdefault(tuple(on), []).append(name)
    return "; ".join(
        f"{', '.join(images)} on {'every host' if len(on) == hosts else ', '.join(on)}"
        for on, images in together.items()
    )
