"""The image against what it was before: the image that `against` names, or the figures of a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from inspector.policy.comparison import (
    STACK,
    USUAL,
    Compared,
    Figures,
    Growth,
    compare_build,
    compare_growth,
    compare_python,
    figures_of,
    parse_growth,
)
from inspector.policy.findings import NOWHERE, Case, Earlier, Shown
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.packages import doubt
from inspector.policy.role import ANY_BUILD, Role
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.cuda import CUDA
from inspector.policy.rules.python_version import WANTED
from inspector.policy.rules.require import REQUIRE, required_name
from inspector.policy.rules.size import SIZE_FORM
from inspector.policy.rules.torch import TORCH
from inspector.policy.setting import Key, Setting, Written, text
from inspector.policy.torches import where
from inspector.policy.values import MAX_REFERENCE, reference
from inspector.policy.versions import python_within, within
from inspector.python.metadata import canonical
from inspector.unknown import Unknown
from inspector.words import first_few

BASELINE = "(baseline)"
"""How the subject of a finding ends that is about the figures of a baseline."""
LAYERS = "'against' compares sizes and packages"
MAX_ADDED = 5
"""Packages added that have a finding each; the others have one together."""
_DIFF = "`inspector diff {before} {image}` shows what changed"
GREW = Advice("CODE_BUG", "{dockerfile}: see what the biggest step brings; " + _DIFF)
CHANGED = Advice("CODE_BUG", "{dockerfile}: pin what changed, or state in the role what is right; " + _DIFF)
ADDED = Advice("CODE_BUG", "Add it to `require` of the role if it is wanted; " + _DIFF)
NOT_READ = Advice("EVIDENCE", "Name an image that can be read, as in `--against NAME`: {before} is not")


def _growth(written: Written) -> Growth:
    stated: Growth | None = written.location.optional("growth", parse_growth, written["growth"])
    return USUAL if stated is None else stated


AGAINST = text(
    "against",
    reference,
    "an image, as in 'team/api:latest'",
    about="An earlier image, such as the last release, that the image is compared with: it may not grow by more than "
    "`growth`, nor change torch's build or Python where the role leaves them open. Packages added are warned of.",
    unset="The image is compared with none, unless `--against` or `--baseline` says so.",
    form={"pattern": r"\S", "maxLength": MAX_REFERENCE},
)
GROWTH = Setting(
    "growth",
    (
        Key(
            "growth",
            str | None,
            "a percentage or a size, as in '5 %' or '100 MB'",
            about="How much more than before the image, or torch with what it requires, may take.",
            unset="`1 %`, and 1 MB at least.",
            form={"anyOf": [{"pattern": r"^\s*[0-9]{1,4}(\.[0-9]{1,3})? ?%\s*$"}, SIZE_FORM]},
        ),
    ),
    _growth,
    USUAL,
)


def compares(role: Role) -> bool:
    """Tell whether any of the checks counts that compare the image with an earlier one."""
    return any(map(role.checks.take, ("growth", "changed-build", "added-packages")))


def check_against(case: Case) -> Iterator[Finding]:
    """Check that what the image is compared with could be read."""
    if not compares(case.role):
        return
    if not case.earlier and case.role[AGAINST] is not None:
        message = f"not compared with {case.role[AGAINST]}: nothing was compared here"
        yield case.unknown(message, Shown(), "`inspector check` compares")
    for earlier in case.earlier:
        if isinstance(earlier.figures, Unknown):
            message = f"not compared with {earlier.name}: {earlier.figures.unknown}"
            yield _with(case, earlier).found("unknown", NOT_READ, message, Shown())
        else:
            yield _about(case.passed(f"compared with {earlier.name}"), "", earlier)


def check_growth(case: Case) -> Iterator[Finding]:
    """Check the size of the image, and that of torch with what it requires, against what they were."""
    for own, earlier, before in _known(case):
        for each in compare_growth(before, figures_of(case.facts), case.role[GROWTH]):
            left_out = (before.stack_size if each.subject == STACK else before.size) is None
            at = where(case, case.facts.torch) if each.subject == STACK else NOWHERE
            if not (earlier.is_baseline and left_out):
                yield _finding(own, each, GREW, earlier, at)


def check_build(case: Case) -> Iterator[Finding]:
    """Check that torch's build and Python are what they were, where the role leaves them open."""
    after = figures_of(case.facts)
    for own, earlier, before in _known(case):
        if not _is_right_build(case.role, before, after) and not (earlier.is_baseline and before.build is None):
            yield _finding(own, compare_build(before, after), CHANGED, earlier, where(case, case.facts.torch))
        if not _is_right_python(case) and not (earlier.is_baseline and before.python is None):
            yield _finding(own, compare_python(before, after), CHANGED, earlier, NOWHERE)


def _is_right_build(role: Role, before: Figures, after: Figures) -> bool:
    """Tell whether the role itself says that the build is right: its kind, and, where that is as before, its CUDA.

    One that is wrong is compared: the baseline may know that, and lets it not change further.
    """
    if role[TORCH] in (None, *ANY_BUILD) or role[TORCH] != after.build:
        return False
    wanted = role[CUDA]
    return before.build != after.build or (wanted is not None and within(after.version, wanted) == "yes")


def _is_right_python(case: Case) -> bool:
    wanted, python = case.role[WANTED], case.facts.interpreter
    return wanted is not None and not isinstance(python, Unknown) and python_within(python.version, wanted) == "yes"


def check_added(case: Case) -> Iterator[Finding]:
    """Warn of packages that were not there before, and that the role does not require."""
    for own, earlier, before in _known(case):
        after = figures_of(case.facts).packages
        why = doubt(case)
        if earlier.is_baseline and before.packages is None:
            continue
        if before.packages is None or not isinstance(after, frozenset) or why is not None:
            told = "one side was not listed" if why is None else why.unknown
            message = f"whether packages were added since {earlier.name} is not known: {told}"
            yield _about(own.unknown(message, Shown("none added", "not known")), "", earlier)
        elif isinstance(before.packages, int):
            yield _about(_more(own, earlier, before.packages, len(after)), "count", earlier)
        else:
            required = {required_name(each) for each in case.role[REQUIRE]}
            yield from _added(own, earlier, sorted(after - before.packages - required))


def _more(case: Case, earlier: Earlier, before: int, after: int) -> Finding:
    shown = Shown(f"at most {before:,} packages", f"{after:,} packages")
    if after <= before:
        return case.passed(f"{after:,} packages, not more than {earlier.name} has", shown)
    message = f"{after:,} packages, {after - before:,} more than {earlier.name} has"
    return case.found("warn", ADDED, message, shown)


def _added(case: Case, earlier: Earlier, added: list[str]) -> Iterator[Finding]:
    if not added:
        yield _about(
            case.passed(f"no package was added since {earlier.name}", Shown("none added", "none")), "", earlier
        )
    listed = case.facts.distributions
    found = {} if isinstance(listed, Unknown) else {canonical(each.name): each for each in listed}
    for package in added[:MAX_ADDED]:
        one = found[package]
        message = f"added since {earlier.name}: {one.name} {one.version}"
        at = case.at(one.layer, path=one.path, size=one.size)
        finding = case.found("warn", ADDED, message, Shown("none added", f"{one.name} {one.version}"), at)
        yield _about(finding, package, earlier)
    if others := added[MAX_ADDED:]:
        named = [f"{found[each].name} {found[each].version}" for each in others]
        message = f"added since {earlier.name}, too: {first_few(named)}"
        finding = case.found("warn", ADDED, message, Shown("none added", f"{len(added):,} added"))
        yield _about(finding, ", ".join(others), earlier)


def _known(case: Case) -> Iterator[tuple[Case, Earlier, Figures]]:
    """Yield what is known of before, each with a case of its own; of what is not, `against` says so."""
    for each in case.earlier:
        if not isinstance(each.figures, Unknown):
            yield _with(case, each), each, each.figures


def _with(case: Case, earlier: Earlier) -> Case:
    """Return the case of one comparison, whose advice names what is compared with."""
    return msgspec.structs.replace(case, earlier=(earlier,))


def _finding(case: Case, each: Compared, advice: Advice, earlier: Earlier, at: Pointer) -> Finding:
    shown = Shown(each.expected, each.actual)
    message = f"{each.message}; before: {earlier.name}"
    if each.outcome == "pass":
        finding = case.passed(message, shown)
    elif each.outcome == "unknown":
        finding = case.unknown(message, shown)
    else:
        finding = case.found("fail", advice, message, shown, at)
    return _about(finding, each.subject, earlier)


def _about(finding: Finding, subject: str, earlier: Earlier) -> Finding:
    """Return the finding with its subject; a baseline has its own, as an image may be compared with both."""
    told = f"{subject} {BASELINE}".lstrip() if earlier.is_baseline else subject
    return msgspec.structs.replace(finding, subject=told or None)


_UNKNOWN = "The earlier image, or what is compared, could not be read or was not looked at."


def _rule(check: str, test: Callable[[Case], Iterator[Finding]], proves: str, mend: str, *more: Setting[Any]) -> Rule:
    explanation = Explanation(proves=proves, unknown=_UNKNOWN, mend=mend)
    layers = "" if more else LAYERS  # `growth` alone compares nothing
    return Rule(check=check, test=test, explanation=explanation, settings=(AGAINST, *more), layers=layers)


RULE = _rule(
    "against",
    check_against,
    "The earlier image that the image is compared with could be read.",
    "Name an image that can be read: pull it, or log in to its registry. Where it can't be reached, write a baseline "
    "with `inspector baseline`, and use `check --baseline`.",
)
GROWN = _rule(
    "growth",
    check_growth,
    "The image, and torch with what it requires, take no more than before, but for `growth`.",
    "See what changed with `inspector diff`; raise `growth`, or release the image so that it is the one before.",
    GROWTH,
)
BUILD = _rule(
    "changed-build",
    check_build,
    "Torch's build, its CUDA and X.Y of Python are what they were before, where the role does not state them.",
    "Pin torch or the base image; or state in the role what is right, with `torch`, `cuda` and `python`.",
)
PACKAGES = _rule(
    "added-packages",
    check_added,
    "No package was added that the role does not require; one that was is a warning.",
    "Leave it out of the install step, or add it to `require`.",
)
