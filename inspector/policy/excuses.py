"""What findings fail nothing for now: those that a waiver lets pass, and those that a baseline knows.

Nothing unknown is ever excused, and no finding that is excused passes: its image has a warning.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec

from inspector.policy.baselines import EMPTY, Baseline, Known, unknown_in
from inspector.policy.judge import outcome_of
from inspector.policy.match import fits, names_of
from inspector.policy.model import EXCUSED, Finding, Result, Waived
from inspector.policy.patterns import pattern_of
from inspector.policy.role import Waiver
from inspector.policy.selection import ALWAYS, Checks
from inspector.policy.steps import shorten
from inspector.words import count

WARNED_BEFORE = dt.timedelta(days=14)
"""How long before a waiver ends there is a warning."""
MAX_GONE = 10
"""Known findings that are gone which a warning names."""
MAX_REASON = 100
"""Characters of a reason that a warning shows."""


class Excuses:
    """Excuses the findings of results, one after another, and notes which waivers and known findings were met.

    `today` is the day in UTC. A waiver is met where a finding fits it, and open where one that is unknown may.
    """

    def __init__(self, waivers: Sequence[Waiver], today: dt.date, baseline: Baseline = EMPTY) -> None:
        self._waivers = waivers
        self._today = today
        self._baseline = baseline
        self._met: set[Waiver] = set()
        self._open: set[Waiver] = set()

    def excuse(self, result: Result) -> Result:
        """Return the result with what is excused, and the outcome that follows."""
        if not self._waivers and not self._baseline.findings:
            return result
        waivers = [each for each in self._waivers if _is_for(each, result)]
        known = self._baseline.of(result)
        unknown = unknown_in(result)
        self._open.update(each for each in waivers if unknown is None or each.check in unknown)
        if result.role is None:  # whatever it is, a waiver may be for it
            self._open.update(self._waivers)
        findings = tuple(self._one(each, waivers, known.get(each.id or "")) for each in result.findings)
        if findings == result.findings:
            return result
        outcomes = [each.outcome for each in findings]
        outcome = outcome_of(findings) if any(each in EXCUSED for each in outcomes) else result.outcome
        counts = {str(each): outcomes.count(each) for each in EXCUSED}
        return msgspec.structs.replace(result, findings=findings, outcome=outcome, **counts)

    def _one(self, finding: Finding, waivers: Sequence[Waiver], known: Known | None) -> Finding:
        if finding.outcome not in ("fail", "warn") or finding.check in ALWAYS:
            return finding
        fitting = [each for each in waivers if _covers(each, finding)]
        self._met.update(fitting)
        last = max(fitting, key=lambda each: each.expires, default=None)
        if last is not None and last.expires >= self._today:
            waived = Waived(last.reason, last.expires.isoformat())
            return msgspec.structs.replace(finding, outcome="waived", waived=waived)
        if known is not None and known.covers(finding):
            return msgspec.structs.replace(finding, outcome="known", accepted=known.accepted)
        if last is not None:
            ended = f"{finding.message}; its waiver ended on {last.expires} ({last.reason})"
            return msgspec.structs.replace(finding, message=ended)
        return finding

    def ending(self) -> Iterator[str]:
        """Yield a warning for each waiver that was met and ends soon."""
        for each in self._waivers:
            left = each.expires - self._today
            if each in self._met and dt.timedelta() <= left <= WARNED_BEFORE:
                when = "today" if not left else f"in {count(left.days, 'day')}"
                yield f"{_told(each)} ends {when}, on {each.expires}: what it lets pass fails from then on"

    def stale(self, checks: Checks) -> Iterator[str]:
        """Yield a warning for each waiver of the checks that met nothing, once all of a policy's images are checked."""
        for each in self._waivers:
            if each not in self._met | self._open and checks.take(each.check):
                ended = f", and ended on {each.expires}" if each.expires < self._today else ""
                yield f"{_told(each)} matches no finding{ended}: remove it"


def gone_told(gone: Sequence[Known]) -> Iterator[str]:
    """Yield the warning about known findings that are gone, if there are any."""
    if gone:
        named = ", ".join(dict.fromkeys(" ".join(filter(None, (each.check, each.subject))) for each in gone[:MAX_GONE]))
        more = f" and {len(gone) - MAX_GONE:,} more" if len(gone) > MAX_GONE else ""
        told = f"{count(len(gone), 'known finding')} {'is' if len(gone) == 1 else 'are'} gone: {named}{more}"
        yield f"{told}; `inspector baseline` removes them from the baseline"


def _is_for(waiver: Waiver, result: Result) -> bool:
    if result.role is None or (waiver.roles and result.role not in waiver.roles):
        return False
    tags = result.facts.tags if result.facts else ()
    return not waiver.images or any(fits(name, one) for name in names_of([result.image], tags) for one in waiver.images)


def _covers(waiver: Waiver, finding: Finding) -> bool:
    if finding.check != waiver.check:
        return False
    if waiver.subject is None:
        return True
    return bool(finding.subject) and pattern_of(waiver.subject).match(finding.subject or "") is not None


def _told(waiver: Waiver) -> str:
    about = "".join(f" {each!r}" for each in (waiver.subject,) if each)
    roles = f" in {', '.join(waiver.roles)}" if waiver.roles else ""
    return f"the waiver of {waiver.check}{about}{roles} ({shorten(waiver.reason, MAX_REASON)})"
