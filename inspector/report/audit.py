"""What an audit says in words: its plan, its end, and what it keeps of each result."""

from __future__ import annotations

from collections import Counter

import msgspec

from inspector.policy.audited import Audited, Ended, Left, Planned
from inspector.policy.model import Outcome
from inspector.report.text import PAST, seconds
from inspector.sizes import show_size
from inspector.words import count


def row_of(audited: Audited) -> Audited:
    """Return the little of a result that a table needs: an audit has many."""
    findings = tuple(finding for finding in audited.findings if finding.outcome != "pass")
    evidence = audited.evidence if is_claimed(audited) else None
    return msgspec.structs.replace(audited, findings=findings, evidence=evidence, warnings=())


def is_claimed(audited: Audited) -> bool:
    """Tell whether the answer rests on layers that were not hashed, but believed by their tables of contents."""
    seen = audited.evidence
    return seen is not None and seen.layers_read + seen.layers_cached > 0 and not seen.digests_verified


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
    words: list[tuple[Outcome | None, str]] = [*PAST.items(), (None, "read")]
    told_each = ", ".join(f"{outcomes[outcome]:,} {word}" for outcome, word in words if outcomes[outcome])
    left = f", {count(ended.left.images, 'image')} left" if ended.left.images else ""
    left += f", {count(waived, 'finding')} waived" if waived else ""
    fetched = f"{count(ended.layers_fetched, 'layer')}, {show_size(ended.bytes_fetched)} fetched"
    told = f"{count(outcomes.total(), 'image')}: {told_each or 'nothing judged'}{left} in {seconds(span)}"
    return f"{told}; {fetched} with {count(ended.requests, 'request')}"
