"""Distributions that the role forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.packages import doubt, listed, undecided
from inspector.policy.patterns import pattern_of
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.require import required_name
from inspector.policy.setting import Written, texts
from inspector.policy.values import GLOB_FORM, name_glob
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.sizes import show_size
from inspector.unknown import Unknown
from inspector.words import first_few

_NAMED = 5
"""Forbidden distributions that a message names before it only counts them."""
FORBIDDEN = Advice(
    "CODE_BUG",
    "{dockerfile}: the role wants {wanted}: {change}{origin}",
    procedure="{dockerfile}: the role wants {wanted}: leave it out of `uv sync`{origin}",
)


def _consistent(written: Written, found: tuple[str, ...]) -> None:
    """Refuse what no image could satisfy: the same distribution asked for and forbidden."""
    wanted = [required_name(text) for text in written["require"]] if found else []
    if written["torch"] not in (None, "absent"):
        wanted.append("torch")
    for pattern in found:
        fits = pattern_of(pattern).match
        for name in wanted:
            if fits(name):
                raise written.location.error(f"{pattern!r} forbids {name}, which the role asks for", "forbid")


_TOLD: dict[str, Any] = {
    "about": "Distributions that must not be installed: globs over their names, `NVIDIA_*` being `nvidia-*`.",
    "unset": "Nothing is forbidden.",
    "form": GLOB_FORM,
}
FORBID = texts("forbid", name_glob, "a list of patterns, as in ['nvidia-*', 'triton']", _consistent, **_TOLD)


def check_forbidden(case: Case) -> Iterator[Finding]:
    """Check that no installed distribution fits a forbidden pattern; one finding for each pattern."""
    whole, distributions = listed(case), case.facts.distributions
    why = whole if isinstance(whole, Unknown) else doubt(case)
    known = () if isinstance(distributions, Unknown) else distributions
    named = [(canonical(found.name), found) for found in known]
    for pattern in case.role[FORBID]:
        case, fits = case.about(pattern), pattern_of(pattern).match
        there = [found for name, found in named if fits(name)]
        if there:
            yield _forbidden(case, pattern, there)
        elif case.facts.torch.installed and fits("torch"):
            yield _forbidden_torch(case, pattern)
        elif why is not None:
            yield undecided(case, pattern, f"no {pattern}", why)
        else:
            yield case.passed(f"no {pattern} is installed", Shown(f"no {pattern}", "none"))


def _forbidden(case: Case, pattern: str, there: list[Distribution]) -> Finding:
    there = sorted(there, key=lambda found: (-(found.size or 0), found.name))
    named = first_few([f"{found.name} {found.version}" for found in there], _NAMED)
    size = sum(found.size or 0 for found in there)
    message = f"forbidden by {pattern}: {named} ({show_size(size)})"
    at = case.at(there[0].layer, path=there[0].path, size=size)
    shown = Shown(f"no {pattern}", f"{len(there)} installed")
    return case.found("fail", FORBIDDEN, message, shown, at, change=lambda tool: tool.leaving_out(pattern))


def _forbidden_torch(case: Case, pattern: str) -> Finding:
    """Torch that no metadata lists is installed all the same: its files were found."""
    torch = case.facts.torch
    message = f"forbidden by {pattern}: torch {torch.version or 'of no stated version'}, without metadata"
    at = case.at(torch.layer, path=torch.path, size=torch.size)
    shown = Shown(f"no {pattern}", "1 installed")
    return case.found("fail", FORBIDDEN, message, shown, at, change=lambda tool: tool.leaving_out(pattern))


EXPLAINED = Explanation(
    proves="No installed distribution fits a pattern that the role forbids.",
    unknown="The installed packages could not all be listed.",
    mend="Leave the named packages out of the install step; `inspector show IMAGE` says which step brought them.",
)
RULE = Rule(
    check="forbid",
    explanation=EXPLAINED,
    test=check_forbidden,
    settings=(FORBID,),
    packages="'forbid' asks for every package",
)
