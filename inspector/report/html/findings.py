"""Findings: those to act on as cards with what to do, worst first; those that pass folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.model import EXCUSED, WORST_FIRST, Finding
from inspector.policy.steps import readable
from inspector.report.html.markup import Child, Markup, el, prose
from inspector.report.html.parts import WORDS, folded, mark, pairs, section
from inspector.report.text import CATEGORIES, NOTHING, STEP, advice_of, layer_name
from inspector.words import count

_TO_ACT_ON = WORST_FIRST[:-1]


def findings_section(findings: Sequence[Finding], layers: int | None, level: int) -> Markup:
    """Return what the checks say: first what to act on."""
    wrong = sorted((each for each in findings if each.outcome in _TO_ACT_ON), key=_worst)
    passed = [each for each in findings if each.outcome == "pass"]
    excused = [each for each in findings if each.outcome in EXCUSED]
    cards = [card(each, layers, level + 1) for each in wrong]
    well = folded(
        f"{count(len(passed), 'check')} passed", el("ul", [_passed(each) for each in passed]), is_open=not wrong
    )
    left = folded(f"{count(len(excused), 'finding')} let pass", el("ul", [_excused(each) for each in excused]))
    return section("Findings", level, cards, left if excused else None, well if passed else None)


def card(finding: Finding, layers: int | None, level: int, more: Child = None) -> Markup:
    """Return one finding; `more` comes behind what it says."""
    head = el(
        f"h{level}",
        mark(finding.outcome),
        finding.check,
        el("small", _kind(finding)),
    )
    do = el("p", el("strong", "What to do: "), prose(advice_of(finding)), class_="do") if finding.advice else None
    terms = list(_terms(finding, layers))
    return el(
        "div",
        head,
        el("p", prose(finding.message)),
        more,
        do,
        pairs(terms, "terms") if terms else None,
        class_=f"finding {finding.outcome}",
    )


def _worst(finding: Finding) -> tuple[int, bool]:
    return WORST_FIRST.index(finding.outcome), not finding.advice


def _kind(finding: Finding) -> str:
    category = f", {CATEGORIES[finding.category]}" if finding.category else ""
    return f"{WORDS[finding.outcome].lower()}{category}"


def _passed(finding: Finding) -> Markup:
    return el("li", el("strong", finding.check), ": ", prose(finding.message))


def _excused(finding: Finding) -> Markup:
    waiver = finding.waived
    until = f" until {waiver.expires}: {waiver.reason}" if waiver is not None else ""
    why = until or (f": {finding.accepted}" if finding.accepted else "")
    return el("li", el("strong", finding.check), f" ({finding.outcome}{why}): ", prose(finding.message))


def _terms(finding: Finding, layers: int | None) -> Iterator[tuple[str, Child]]:
    at = finding.evidence
    if finding.expected or finding.actual:
        yield "expected", finding.expected or NOTHING
        yield "actual", finding.actual or NOTHING
    if at.path:
        yield "path", el("code", at.path)
    if at.layer is not None:
        yield "layer", layer_name(at.layer, layers, None, at.bytes)
    if at.created_by:
        line = f" (line {at.line})" if at.line else ""
        yield "step", [el("code", readable(at.created_by, STEP)), line]
