"""An audit repository by repository, as all reports for people tell it: each thing that is wrong once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from inspector.policy.advice import ADVICE
from inspector.policy.audited import Audited, AuditReport, Left
from inspector.policy.model import FINDINGS_WORST_FIRST, WORST_FIRST, Finding, Outcome
from inspector.policy.tags import in_order, order_of, version_of
from inspector.report.audit import is_claimed, left_told
from inspector.report.text import NOTHING, as_finding, excused_told, headline, short, size, tally
from inspector.torchbuild.model import Torch, build_name
from inspector.words import count

MAX_TAGS = 4
"""Tags of one image that its row names."""
MAX_OTHERS = 2
"""Tags that are no versions, named behind the versions of many images."""
MAX_NAMED = 8
"""Images that one thing which is wrong names."""
MAX_GROUPS = 8
"""Kinds of images that pass, each told in a line; where there are more, one line is for all."""


class Row(NamedTuple):
    """Images that are alike, in the words of a table; `outcome` is None where nothing was judged."""

    tags: str
    platform: str
    role: str
    python: str
    version: str
    build: str
    outcome: Outcome | None
    size: str


class Problem(NamedTuple):
    """Something that is not well, and the images of which it is said in the same words."""

    finding: Finding
    images: str
    named: str


class Part(msgspec.Struct, frozen=True):
    """A repository: how many images of which outcome, those that don't pass, what is wrong, and those that pass.

    `claimed` says which answers rest on layers that were not hashed; empty where none does.
    """

    repository: str
    totals: str
    worst: Outcome | None
    is_judged: bool
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    passed: tuple[str, ...]
    claimed: str


class Overview(msgspec.Struct, frozen=True):
    """An audit as all reports for people tell it: the repositories with failures first.

    `tally` is empty where all images are alike, `without_role` where each repository has a role for an image of its,
    and `left` where nothing was left undone.
    """

    headline: str
    tally: str
    parts: tuple[Part, ...]
    without_role: str
    left: str
    has_results: bool
    advice: str = ADVICE["no-role"].text


def overview(report: AuditReport, *, only_failed: bool = False) -> Overview:
    """Sum up an audit; `only_failed` leaves out the images that pass, and repositories that have no others."""
    by_name: dict[str, list[Audited]] = {}
    for result in report.results:
        by_name.setdefault(result.repository, []).append(result)
    ordered = sorted(by_name.items(), key=lambda pair: (min(map(_rank, pair[1])), pair[0]))
    without_role = {name: results for name, results in ordered if all(map(_has_no_role, results))}
    parts = [_part(name, results, only_failed=only_failed) for name, results in ordered if name not in without_role]
    outcomes = [_outcome(each) for each in report.results]
    left = report.ended.left if report.ended else Left()
    return Overview(
        headline=headline(outcomes),
        tally=tally(outcomes) if len(set(outcomes)) > 1 else "",
        parts=tuple(part for part in parts if not only_failed or part.rows or part.claimed),
        without_role=_without_role_told(without_role) if without_role else "",
        left=left_told(left) if left.why else "",
        has_results=bool(outcomes),
    )


def _outcome(audited: Audited) -> Outcome | None:
    """Return the outcome that is shown: an error is unknown, also where no policy was asked."""
    return audited.outcome or ("unknown" if audited.error else None)


def _part(name: str, results: list[Audited], *, only_failed: bool) -> Part:
    ordered = sorted(results, key=lambda each: (order_of(_first_tag(each)), str(each.platform)))
    outcomes = [_outcome(each) for each in ordered]
    others, well = ([each for each in ordered if _is_passed(each) is kind] for kind in (False, True))
    rows = sorted(_groups(others), key=lambda row: _rank(row[0]))
    passed = _groups(well)
    told = (tally(outcomes), excused_told(finding for each in ordered for finding in each.findings))
    totals = "; ".join(filter(None, told))
    return Part(
        repository=name,
        totals=count(len(ordered), "image") + (f": {totals}" if totals else ""),
        worst=next((outcome for outcome in WORST_FIRST if outcome in outcomes), None),
        is_judged=any(each.outcome is not None for each in ordered),
        rows=tuple(_row(row) for row in rows if not only_failed or _outcome(row[0]) is not None),
        problems=tuple(_problems(ordered)),
        passed=() if only_failed else tuple(map(_passed_told, passed if len(passed) <= MAX_GROUPS else [well])),
        claimed=_claimed_told(ordered),
    )


def _groups(results: Iterable[Audited]) -> list[list[Audited]]:
    """Put together what a row shows alike."""
    found: dict[object, list[Audited]] = {}
    for each in results:
        told = tuple((finding.check, finding.message) for finding in each.findings if finding.outcome != "pass")
        shown = (each.outcome, each.role, each.python, _torch_told(each.torch), each.platform)
        found.setdefault((shown, told, each.error and each.error.message), []).append(each)
    return list(found.values())


def _row(alike: Sequence[Audited]) -> Row:
    first = alike[0]
    version, build = _torch_told(first.torch)
    many = f"{count(len(alike), 'image')}: " if len(alike) > 1 else ""
    largest = max((each.size.uncompressed or 0 for each in alike if each.size), default=None)
    return Row(
        tags=f"{many}{_span_told(alike)}",
        platform=str(first.platform or ""),
        role=first.role or NOTHING,
        python=first.python or NOTHING,
        version=version,
        build=build,
        outcome=_outcome(first),
        size=NOTHING if largest is None else size(largest),
    )


def _problems(results: Iterable[Audited]) -> Iterator[Problem]:
    """Yield everything that is not well, worst first."""
    found: dict[tuple[str, str, str], tuple[Finding, list[Audited]]] = {}
    for each in results:
        wrong = [finding for finding in each.findings if finding.outcome != "pass"]
        for finding in wrong if each.findings or each.error is None else [as_finding(each.error)]:
            key = (finding.outcome, finding.check, finding.message)
            found.setdefault(key, (finding, []))[1].append(each)
    for finding, images in sorted(found.values(), key=lambda pair: FINDINGS_WORST_FIRST.index(pair[0].outcome)):
        yield Problem(finding, count(len(images), "image"), _named(images))


def _is_passed(audited: Audited) -> bool:
    return audited.outcome == "pass" and audited.error is None


def _rank(audited: Audited) -> int:
    return WORST_FIRST.index(_outcome(audited) or "pass")


def _has_no_role(audited: Audited) -> bool:
    """Tell whether an image is in no role, and nothing else is known of it, such as a pattern that nearly fits."""
    found = audited.findings
    return (
        audited.role is None
        and len(found) == 1
        and found[0].advice == ADVICE["no-role"].text
        and "did you mean" not in found[0].message
    )


def _claimed_told(results: Iterable[Audited]) -> str:
    claimed = list(filter(is_claimed, results))
    if not claimed:
        return ""
    return (
        f"{count(len(claimed), 'image')} known by tables of contents, which were not verified against the layers' "
        f"diff_ids; --verify reads them whole: {_named(claimed)}"
    )


def _without_role_told(parts: dict[str, list[Audited]]) -> str:
    images = count(sum(map(len, parts.values())), "image")
    verb = "has" if len(parts) == 1 else "have"
    return (
        f"{count(len(parts), 'repository', 'repositories')} with {images} {verb} no role: {_few([*parts], MAX_NAMED)}"
    )


def _passed_told(results: Sequence[Audited]) -> str:
    """Return `40 images pass: 1.0.0 … 2.9.9 (api, torch absent, 480 MB)`; of images that differ, less."""
    first, verb = results[0], "passes" if len(results) == 1 else "pass"
    told = f"{count(len(results), 'image')} {verb}: {_span_told(results)}"
    if len({(each.role, _torch_told(each.torch)) for each in results}) > 1:
        return told
    torch = " ".join(part for part in _torch_told(first.torch) if part != NOTHING)
    sizes = [each.size.uncompressed for each in results if each.size and each.size.uncompressed is not None]
    span = dict.fromkeys([size(min(sizes)), size(max(sizes))]) if sizes else ()
    about = [first.role or "", f"torch {torch}" if torch else "", " to ".join(span)]
    return f"{told} ({', '.join(part for part in about if part)})"


def _torch_told(torch: Torch | None) -> tuple[str, str]:
    """Return the version of torch, or "absent" or "unknown", and its build."""
    if torch is None:
        return NOTHING, NOTHING
    if not torch.installed:
        return ("absent" if torch.importable == "no" else "unknown"), NOTHING
    broken = ", broken" if torch.importable == "no" else ""
    return torch.version or torch.distribution_version or "version unknown", build_name(torch) + broken


def _named(results: Sequence[Audited]) -> str:
    """Return the images that something is said of, the first few by name."""
    return _few([_first_tag(each) for each in results], MAX_NAMED)


def _span_told(results: Sequence[Audited]) -> str:
    """Return the tags of images in order: `1.0, 1.1`, or of many `1.0.0 … 2.9.9, latest`."""
    if len(results) == 1:
        return _tags_told(results[0])
    tags = [_first_tag(each) for each in results]
    if len(tags) <= MAX_TAGS:
        return ", ".join(tags)
    versions = [tag for tag in tags if version_of(tag) is not None]
    if len(versions) <= MAX_TAGS:
        return f"{tags[0]} … {tags[-1]}"
    others = tags[len(versions) :]
    return f"{versions[0]} … {versions[-1]}" + (f", {_few(others, MAX_OTHERS)}" if others else "")


def _tags_told(audited: Audited) -> str:
    """Return the tags of an image in order, the first few named; the digest of one that has none."""
    if not audited.tags:
        return short(audited.digest) if audited.digest else audited.image
    return _few(in_order(audited.tags), MAX_TAGS)


def _first_tag(audited: Audited) -> str:
    if not audited.tags:
        return _tags_told(audited)
    return audited.tags[0] if len(audited.tags) == 1 else min(audited.tags, key=order_of)


def _few(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are; one more is named as well."""
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more:,} more"
