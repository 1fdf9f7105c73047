"""What an audit says in words and lines: its plan, its end, a line for each result, and the whole as one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from inspector.policy.audited import Audited, AuditReport, Ended, Left, Planned, as_result, natural
from inspector.policy.model import ErrorFact, Outcome, Report, Result
from inspector.report.junit import render_check
from inspector.report.text import count, seconds, short
from inspector.sizes import show_size

MAX_TAGS = 4
"""Tags of one image that its row names."""
MAX_NAMED = 8
"""Images that one thing which is wrong names."""


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
    """Return the tags of an image, the first few named; the digest of one that has none."""
    if not audited.tags:
        return short(audited.digest) if audited.digest else audited.image
    more = len(audited.tags) - most
    return ", ".join(audited.tags[:most]) + (f" and {more} more" if more > 0 else "")


def named(results: Sequence[Audited]) -> str:
    """Return the images that something is said of, the first few by name."""
    more = len(results) - MAX_NAMED
    first = ", ".join(each.tags[0] if each.tags else tags_told(each) for each in results[:MAX_NAMED])
    return first + (f" and {more:,} more" if more > 0 else "")


def by_repository(rows: Iterable[Audited]) -> dict[str, list[Audited]]:
    """Return the results of each repository, in the order of their names and tags, numbers by their value."""
    found: dict[str, list[Audited]] = {}
    for row in sorted(rows, key=lambda row: (row.repository, natural(row.image), str(row.platform))):
        found.setdefault(row.repository, []).append(row)
    return found


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
    """Return the plan as one line: `plan: 3 repositories, 1,000 tags, 412 images.

    200 layers, of which 12 are known; …`.
    """
    parts = [count(plan.repositories, "repository", "repositories"), count(plan.tags, "tag")]
    parts.append(count(plan.images, "image"))
    known = f", {plan.layers_known:,} known ({show_size(plan.bytes_known)})" if plan.layers_known else ""
    told = f"plan: {', '.join(parts)}; {count(plan.layers, 'layer')}{known}; {show_size(plan.bytes_to_fetch)} to fetch"
    beside = [
        (plan.filtered, f"{count(plan.filtered, 'tag')} not asked for"),
        (plan.ignored, f"{count(plan.ignored, 'image')} ignored"),
        (plan.no_images, f"{count(plan.no_images, 'tag')} no image"),
        (plan.unread, f"{count(plan.unread, 'image')} decided without layers"),
        (plan.unreadable, f"{plan.unreadable:,} could not be asked"),
    ]
    return "; ".join([told, *(what for number, what in beside if number)])


def left_told(left: Left) -> str:
    """Return what was left undone, and what to do about it."""
    parts = [count(left.tags, "tag or list", "tags or lists")] if left.tags else []
    parts += [count(left.images, "image")] if left.images else []
    parts += [f"{count(left.layers, 'layer')} of {show_size(left.bytes)}"] if left.layers else []
    return f"stopped at {left.why}; left: {', '.join(parts) or 'nothing'}; the same command goes on from here"


def ended_told(outcomes: Counter[Outcome | None], ended: Ended, span: float) -> str:
    """Return `412 images: 400 passed, 12 failed in 3 min 05 s; 200 layers, 1.2 GB fetched with 1,417 requests`."""
    words: dict[Outcome | None, str] = {
        "pass": "passed",
        "warn": "with warnings",
        "unknown": "unknown",
        "fail": "failed",
        None: "told",
    }
    tally = ", ".join(f"{outcomes[outcome]:,} {word}" for outcome, word in words.items() if outcomes[outcome])
    fetched = f"{count(ended.layers_fetched, 'layer')}, {show_size(ended.bytes_fetched)} fetched"
    told = f"{count(outcomes.total(), 'image')}: {tally or 'nothing audited'} in {seconds(span)}"
    return f"{told}; {fetched} with {count(ended.requests, 'request')}"
