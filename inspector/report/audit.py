"""What an audit says in words and lines: its plan, its end, a line for each result, and the whole as one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from inspector.policy.advice import ADVICE
from inspector.policy.audited import Audited, AuditReport, Ended, Left, Planned, as_result
from inspector.policy.model import WORST_FIRST, ErrorFact, Outcome, Report, Result
from inspector.policy.tags import in_order, order_of, version_of
from inspector.report.junit import render_check
from inspector.report.text import NOTHING, count, excused_told, seconds, short, size, tally
from inspector.sizes import show_size
from inspector.torchbuild.model import Torch, build_name

MAX_TAGS = 4
"""Tags of one image that its row names."""
MAX_OTHERS = 2
"""Tags that are no versions, named behind the versions of many images."""
MAX_NAMED = 8
"""Images that one thing which is wrong names."""
MAX_GROUPS = 8
"""Kinds of images that pass, each told in a line; where there are more, one line is for all."""


def row_of(audited: Audited) -> Audited:
    """Return the little of a result that a table needs: an audit has many."""
    findings = tuple(finding for finding in audited.findings if finding.outcome != "pass")
    evidence = audited.evidence if is_claimed(audited) else None
    return msgspec.structs.replace(audited, findings=findings, evidence=evidence, warnings=())


def is_claimed(audited: Audited) -> bool:
    """Tell whether the answer rests on layers that were not hashed, but believed by their tables of contents."""
    seen = audited.evidence
    return seen is not None and seen.layers_read + seen.layers_cached > 0 and not seen.digests_verified


def claimed_told(results: Sequence[Audited]) -> str:
    """Return what is to be known of the images whose answers rest on that; empty where there are none."""
    claimed = [each for each in results if is_claimed(each)]
    if not claimed:
        return ""
    return (
        f"{count(len(claimed), 'image')} known by tables of contents, which were not verified against the layers' "
        f"diff_ids; --verify reads them whole: {named(claimed)}"
    )


def tags_told(audited: Audited, most: int = MAX_TAGS) -> str:
    """Return the tags of an image in order, the first few named; the digest of one that has none."""
    if not audited.tags:
        return short(audited.digest) if audited.digest else audited.image
    return _few(in_order(audited.tags), most)


def named(results: Sequence[Audited]) -> str:
    """Return the images that something is said of, the first few by name."""
    return _few([_first_tag(each) for each in results], MAX_NAMED)


def span_told(results: Sequence[Audited]) -> str:
    """Return the tags of images in order: `1.0, 1.1`, or of many `1.0.0 … 2.9.9, latest`."""
    if len(results) == 1:
        return tags_told(results[0])
    tags = [_first_tag(each) for each in results]
    if len(tags) <= MAX_TAGS:
        return ", ".join(tags)
    versions = [tag for tag in tags if version_of(tag) is not None]
    if len(versions) <= MAX_TAGS:
        return f"{tags[0]} … {tags[-1]}"
    others = tags[len(versions) :]
    return f"{versions[0]} … {versions[-1]}" + (f", {_few(others, MAX_OTHERS)}" if others else "")


def _first_tag(audited: Audited) -> str:
    if not audited.tags:
        return tags_told(audited)
    return audited.tags[0] if len(audited.tags) == 1 else min(audited.tags, key=order_of)


def _few(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are; one more is named as well."""
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more:,} more"


def torch_told(torch: Torch | None) -> tuple[str, str]:
    """Return the version of torch, or why there is none, and its build."""
    if torch is None:
        return NOTHING, NOTHING
    if not torch.installed:
        return ("absent" if torch.importable == "no" else "unknown"), NOTHING
    broken = ", broken" if torch.importable == "no" else ""
    return torch.version or torch.distribution_version or "version unknown", build_name(torch) + broken


class Part(msgspec.Struct, frozen=True):
    """A repository with its results: `rows` of images that are alike, the worst first, and likewise those that pass."""

    repository: str
    results: list[Audited]
    rows: list[list[Audited]]
    passed: list[list[Audited]]

    @property
    def totals(self) -> str:
        """How many images there are, and how many of which outcome."""
        outcomes = [outcome_of(each) for each in self.results]
        tallied = tally(outcomes)
        excused = excused_told(finding for each in self.results for finding in each.findings)
        told = "; ".join(filter(None, (tallied, excused)))
        return count(len(outcomes), "image") + (f": {told}" if told else "")


def outcome_of(audited: Audited) -> Outcome | None:
    """Return the outcome that is shown: an error is unknown, also where no policy was asked."""
    return audited.outcome or ("unknown" if audited.error else None)


def parts_of(report: AuditReport, *, only_failed: bool) -> tuple[list[Part], list[Part]]:
    """Return the repositories, those with failures first; and those apart whose images all have no role.

    `only_failed` leaves out the images that pass, and repositories that have no others.
    """
    by_name: dict[str, list[Audited]] = {}
    for result in report.results:
        by_name.setdefault(result.repository, []).append(result)
    parts = [_part(name, results) for name, results in by_name.items()]
    parts.sort(key=lambda part: (min(map(_rank, part.results)), part.repository))
    shown: list[Part] = []
    without_role: list[Part] = []
    for part in parts:
        (without_role if all(map(_has_no_role, part.results)) else shown).append(part)
    if only_failed:
        shown = [one for one in map(_failed, shown) if one.rows or claimed_told(one.results)]
    return shown, without_role


def without_role_told(parts: Sequence[Part]) -> str:
    """Return the one line on repositories that no role is for."""
    images = count(sum(len(part.results) for part in parts), "image")
    names = _few([part.repository for part in parts], MAX_NAMED)
    verb = "has" if len(parts) == 1 else "have"
    return f"{count(len(parts), 'repository', 'repositories')} with {images} {verb} no role: {names}"


def passed_told(results: Sequence[Audited]) -> str:
    """Return `40 images pass: 1.0.0 … 2.9.9 (api, torch absent, 480 MB)`; of images that differ, less."""
    first, verb = results[0], "passes" if len(results) == 1 else "pass"
    told = f"{count(len(results), 'image')} {verb}: {span_told(results)}"
    if len({(each.role, torch_told(each.torch)) for each in results}) > 1:
        return told
    torch = " ".join(part for part in torch_told(first.torch) if part != NOTHING)
    sizes = [each.size.uncompressed for each in results if each.size and each.size.uncompressed is not None]
    span = dict.fromkeys([size(min(sizes)), size(max(sizes))]) if sizes else ()
    about = [first.role or "", f"torch {torch}" if torch else "", " to ".join(span)]
    return f"{told} ({', '.join(part for part in about if part)})"


def _part(name: str, results: list[Audited]) -> Part:
    ordered = sorted(results, key=lambda each: (order_of(_first_tag(each)), str(each.platform)))
    rows, passed = (_groups([each for each in ordered if _is_passed(each) is kind]) for kind in (False, True))
    rows.sort(key=lambda row: _rank(row[0]))
    if len(passed) > MAX_GROUPS:
        passed = [[each for each in ordered if _is_passed(each)]]
    return Part(name, ordered, rows, passed)


def _failed(part: Part) -> Part:
    rows = [row for row in part.rows if outcome_of(row[0]) is not None]
    return msgspec.structs.replace(part, rows=rows, passed=[])


def _groups(results: Iterable[Audited]) -> list[list[Audited]]:
    """Put together what a row shows alike."""
    found: dict[object, list[Audited]] = {}
    for each in results:
        told = tuple((finding.check, finding.message) for finding in each.findings if finding.outcome != "pass")
        shown = (each.outcome, each.role, each.python, torch_told(each.torch), each.platform)
        found.setdefault((shown, told, each.error and each.error.message), []).append(each)
    return list(found.values())


def _is_passed(audited: Audited) -> bool:
    return audited.outcome == "pass" and audited.error is None


def _rank(audited: Audited) -> int:
    return WORST_FIRST.index(outcome_of(audited) or "pass")


def _has_no_role(audited: Audited) -> bool:
    """Tell whether an image is in no role, and nothing else is known of it, such as a pattern that nearly fits."""
    advice = ADVICE["no-role"].text
    found = audited.findings
    return (
        audited.role is None
        and len(found) == 1
        and found[0].advice == advice
        and "did you mean" not in found[0].message
    )


def left_of(report: AuditReport) -> Left:
    """Take what was left undone from a report; nothing, where the audit ended with the plan."""
    return report.ended.left if report.ended else Left()


def render_junit(report: AuditReport) -> str:
    """See `junit.render_check`; what was left is an error of its own."""
    cases, left = [as_result(each) for each in report.results], left_of(report)
    if left.why:
        cases.append(_of_the_run(ErrorFact("left", left_told(left))))
    if not cases:
        cases.append(_of_the_run(ErrorFact("nothing-audited", "no tag was asked for, or none is an image")))
    noted = {each.image: each.warnings for each in report.results if each.warnings}
    return render_check(Report(outcome=report.outcome or "unknown", results=tuple(cases)), noted)


def _of_the_run(error: ErrorFact) -> Result:
    return Result(image="audit", role=None, outcome="unknown", findings=(), facts=None, error=error)


def plan_told(plan: Planned) -> str:
    """Return the plan as one line: `plan: 3 repositories, 1,000 tags, 412 images; 200 layers, 12 known; …`."""
    parts = [count(plan.repositories, "repository", "repositories"), count(plan.tags, "tag")]
    parts.append(count(plan.images, "image"))
    known = f", {plan.layers_known:,} known ({show_size(plan.bytes_known)})" if plan.layers_known else ""
    told = f"plan: {', '.join(parts)}; {count(plan.layers, 'layer')}{known}; {show_size(plan.bytes_to_fetch)} to fetch"
    beside = [
        (plan.filtered, f"{count(plan.filtered, 'tag')} not selected"),
        (plan.ignored, f"{count(plan.ignored, 'image')} ignored"),
        (plan.no_images, f"{count(plan.no_images, 'tag')} not an image"),
        (plan.unread, f"{count(plan.unread, 'image')} decided without reading layers, or in no role"),
        (plan.unreadable, f"{plan.unreadable:,} could not be read"),
    ]
    return "; ".join([told, *(what for number, what in beside if number)])


def left_told(left: Left) -> str:
    """Return what was left undone, and what to do about it."""
    parts = [count(left.tags, "tag or list", "tags or lists")] if left.tags else []
    parts += [count(left.images, "image")] if left.images else []
    parts += [f"{count(left.layers, 'layer')} of {show_size(left.bytes)}"] if left.layers else []
    told = f"left: {', '.join(parts)}; " if parts else ""
    return f"stopped by {left.why}; {told}the same command goes on from here"


def ended_told(outcomes: Counter[Outcome | None], ended: Ended, span: float, waived: int = 0) -> str:
    """Return `412 images: 400 passed, 12 failed in 3 min 05 s; 200 layers, 1.2 GB fetched with 1,417 requests`."""
    words: dict[Outcome | None, str] = {
        "pass": "passed",
        "warn": "with warnings",
        "unknown": "unknown",
        "fail": "failed",
        None: "read",
    }
    told_each = ", ".join(f"{outcomes[outcome]:,} {word}" for outcome, word in words.items() if outcomes[outcome])
    left = f", {count(ended.left.images, 'image')} left" if ended.left.images else ""
    left += f", {count(waived, 'finding')} waived" if waived else ""
    fetched = f"{count(ended.layers_fetched, 'layer')}, {show_size(ended.bytes_fetched)} fetched"
    told = f"{count(outcomes.total(), 'image')}: {told_each or 'nothing judged'}{left} in {seconds(span)}"
    return f"{told}; {fetched} with {count(ended.requests, 'request')}"
