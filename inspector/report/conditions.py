"""The conditions under which a difference fails: `diff --fail-on growth=5%`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from inspector.policy.comparison import (
    NOT_KNOWN,
    USUAL,
    Compared,
    Growth,
    compare_build,
    compare_growth,
    compare_python,
    measures_of,
    parse_growth,
)
from inspector.policy.model import Finding, Outcome, worst
from inspector.report.difference import Difference
from inspector.words import first_few

WORDS = ("growth", "build", "python", "added", "removed", "version", "any")
"""What a condition may be about; `growth` may have a bound behind `=`."""
_NAMED = 10
"""Packages that a sentence names."""


class Condition(NamedTuple):
    """One condition as asked: its word, and for `growth` how much is allowed."""

    word: str
    growth: Growth = USUAL

    def __str__(self) -> str:
        return f"{self.word}={self.growth}".replace(" %", "%") if self.word == "growth" else self.word


def parse_condition(text: str) -> Condition:
    """Read `growth=5%`, `build`, and the like. Raises `ValueError`."""
    word, equals, bound = text.strip().partition("=")
    if word not in WORDS or (equals and word != "growth"):
        raise ValueError(f"{text!r} is not a condition; write one of {', '.join(WORDS)}, or growth=5%, growth='100 MB'")
    return Condition(word, parse_growth(bound)) if equals else Condition(word)


def judged(difference: Difference, conditions: Sequence[Condition]) -> Difference:
    """Return the difference with a finding, good or bad, for each condition."""
    findings = [
        Finding(
            check=str(condition),
            outcome=each.outcome,
            message=each.message,
            category=None if each.outcome == "pass" else "EVIDENCE" if each.outcome == "unknown" else "CODE_BUG",
            expected=each.expected,
            actual=each.actual,
        )
        for condition in dict.fromkeys(conditions)
        for each in _answers(difference, condition)
    ]
    return msgspec.structs.replace(difference, findings=tuple(findings))


def outcome_of(difference: Difference) -> Outcome:
    """Return the worst of the findings; a difference of which nothing was asked passes."""
    return worst(finding.outcome for finding in difference.findings) if difference.findings else "pass"


def _answers(difference: Difference, condition: Condition) -> Iterator[Compared]:
    before, after = measures_of(difference.before), measures_of(difference.after)
    match condition.word:
        case "growth":
            yield from compare_growth(before, after, condition.growth)
        case "build":
            yield compare_build(before, after)
        case "python":
            yield compare_python(before, after)
        case "any":
            yield _any(difference)
        case word:
            yield _packages(difference, word)


def _packages(difference: Difference, change: str) -> Compared:
    expected = "none in another version" if change == "version" else f"none {change}"
    if "packages" in difference.not_compared:
        return Compared("packages", "unknown", "the packages of one side were not listed", expected, NOT_KNOWN)
    found = [each.name for each in difference.packages if each.change == change]
    if not found:
        return Compared("packages", "pass", f"packages: {expected}", expected, "none")
    told = "in another version" if change == "version" else change
    message = f"packages {told}: {first_few(found, _NAMED)}"
    return Compared("packages", "fail", message, expected, f"{len(found):,} {told}")


def _any(difference: Difference) -> Compared:
    counts = (len(difference.changed), len(difference.packages))
    if any(counts) or difference.layers_before or difference.layers_after:
        told = f"fields that differ: {counts[0]}, packages: {counts[1]}" if any(counts) else "layers differ"
        return Compared("any", "fail", told, "no difference", told)
    if not difference.equal:
        told = f"one side was not looked at: {', '.join(difference.not_compared)}"
        return Compared("any", "unknown", told, "no difference", NOT_KNOWN)
    return Compared("any", "pass", "no difference", "no difference", "no difference")
