"""Distributions that the role requires."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.policy.findings import NO_PYTHON, Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.packages import doubt, listed, undecided
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import Written, texts
from inspector.policy.values import REQUIREMENT_FORM, requirement
from inspector.policy.versions import within
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.unknown import Absent, Unknown

MISSING = Advice(
    "CODE_BUG",
    "{dockerfile}: add {wanted}: {change}",
    procedure="{dockerfile}: add {wanted} to what `uv sync` installs",
)
OTHER = Advice(
    "CODE_BUG", "{dockerfile}: ask for {wanted}: {change}{origin}", procedure="{dockerfile}: lock {wanted}{origin}"
)


def required_name(text: str) -> str:
    """Return the distribution that a requirement names."""
    from packaging.requirements import Requirement

    return canonical(Requirement(text).name)


def _consistent(written: Written, found: tuple[str, ...]) -> None:
    if written["torch"] == "absent" and "torch" in map(required_name, found):
        raise written.location.error("requires torch, which contradicts torch = 'absent'", "require")


_TOLD: dict[str, Any] = {
    "about": "Distributions that must be installed: names, each perhaps with a version range.",
    "unset": "Nothing is required.",
    "form": REQUIREMENT_FORM,
}
REQUIRE = texts("require", requirement, "a list of requirements, as in ['fastapi>=0.100']", _consistent, **_TOLD)


def check_required(case: Case) -> Iterator[Finding]:
    """Check that each required distribution is there, in its range."""
    if not case.role[REQUIRE]:
        return
    from packaging.requirements import Requirement

    known = listed(case)
    by_name: dict[str, list[Distribution]] = {}
    for found in () if isinstance(known, Unknown) else known:
        by_name.setdefault(canonical(found.name), []).append(found)
    for text in case.role[REQUIRE]:
        wanted = Requirement(text)
        name = canonical(wanted.name)
        there = by_name.get(name, [])
        why = known if isinstance(known, Unknown) else None if there else doubt(case)
        case = case.about(name)
        yield undecided(case, text, text, why) if why else _required(case, text, name, str(wanted.specifier), there)


def _required(case: Case, text: str, name: str, wanted: str, there: list[Distribution]) -> Finding:
    actual = ", ".join(dict.fromkeys(f"{name} {found.version}" for found in there)) or "not installed"
    shown = Shown(text, actual)
    if not there:
        advice = NO_PYTHON if isinstance(case.facts.interpreter, Absent) else MISSING
        return case.found("fail", advice, f"{name} is not installed", shown, change=lambda tool: tool.adding(text))
    answers = {within(found.version, wanted) if wanted else "yes" for found in there}
    if answers == {"yes"}:
        return case.passed(f"{actual} is installed", shown)
    if answers == {"no"}:
        at = case.at(there[0].layer, path=there[0].path, size=there[0].size)
        message = f"{actual} is not {text}"
        return case.found("fail", OTHER, message, shown, at, change=lambda tool: tool.adding(text))
    return case.unknown(f"whether {text} holds can't be told from {actual}", shown)


EXPLAINED = Explanation(
    proves="Each distribution that the role requires is installed, in its version range.",
    unknown="The installed packages could not all be listed, or a version can't be compared.",
    mend="Add the requirement to what the Dockerfile installs, or correct `require` in the role.",
)
RULE = Rule(
    check="require",
    explanation=EXPLAINED,
    test=check_required,
    settings=(REQUIRE,),
    packages="'require' asks for every package",
)
