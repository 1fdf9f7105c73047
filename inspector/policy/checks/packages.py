"""Distributions that the role requires or forbids, and the version of Python itself."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.checks.versions import python_within, within
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding, Pointer
from inspector.policy.patterns import pattern_of
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.sizes import show_size
from inspector.unknown import Absent, Unknown

_NAMED = 5
"""Forbidden distributions that a message names before it only counts them."""


def check_python_version(case: Case) -> Iterator[Finding]:
    """The interpreter's version lies in the role's range."""
    wanted, python = case.role.python, case.facts.interpreter
    if wanted is None:
        return
    if isinstance(python, Absent):
        message = f"no Python, let alone {wanted}"
        yield case.found("python-version", "fail", "no-python", message, Shown(wanted, "not found"))
        return
    if isinstance(python, Unknown):
        message = f"no version to hold against {wanted}: the interpreter is not known"
        yield case.unknown("python-version", message, Shown(wanted, "not known"))
        return
    shown = Shown(wanted, python.version)
    match python_within(python.version, wanted):
        case "yes":
            yield case.passed("python-version", f"Python {python.version} is {wanted}", shown)
        case "no":
            message, at = f"Python {python.version} is not {wanted}", Pointer(path=python.resolved)
            yield case.found("python-version", "fail", "python-version", message, shown, at)
        case "unknown":
            message = f"whether Python {python.version} is {wanted} depends on what the image does not tell"
            yield case.unknown("python-version", message, shown, "`python --version` in a container shows it")


def check_required(case: Case) -> Iterator[Finding]:
    """Each required distribution is there, in its range."""
    if not case.role.require:
        return
    from packaging.requirements import Requirement  # 30 ms, and only where something is required

    listed = _listed(case)
    by_name: dict[str, list[Distribution]] = {}
    for found in () if isinstance(listed, Unknown) else listed:
        by_name.setdefault(canonical(found.name), []).append(found)
    for text in case.role.require:
        if isinstance(listed, Unknown):
            yield _undecided(case, "require", text, text, listed)
            continue
        wanted = Requirement(text)
        name = canonical(wanted.name)
        there = by_name.get(name, [])
        doubt = None if there else _doubt(case)
        yield (
            _undecided(case, "require", text, text, doubt)
            if doubt
            else _required(case, text, name, str(wanted.specifier), there)
        )


def _required(case: Case, text: str, name: str, wanted: str, there: list[Distribution]) -> Finding:
    actual = ", ".join(dict.fromkeys(f"{name} {found.version}" for found in there)) or "not installed"
    shown = Shown(text, actual)
    if not there:
        row = "no-python" if isinstance(case.facts.interpreter, Absent) else "missing-package"
        return case.found("require", "fail", row, f"{name} is not installed", shown)
    answers = {within(found.version, wanted) if wanted else "yes" for found in there}
    if answers == {"yes"}:
        return case.passed("require", f"{actual} is installed", shown)
    if answers == {"no"}:
        message, at = f"{actual} is not {text}", _at(case, there[0])
        return case.found("require", "fail", "wrong-package", message, shown, at)
    message = f"whether {text} holds can't be told from {actual}"
    return case.unknown("require", message, shown)


def check_forbidden(case: Case) -> Iterator[Finding]:
    """No installed distribution fits a forbidden pattern; one finding for each pattern."""
    listed = _listed(case)
    known = () if isinstance(case.facts.distributions, Unknown) else case.facts.distributions
    doubt = listed if isinstance(listed, Unknown) else _doubt(case)
    named = [(canonical(found.name), found) for found in known]
    for pattern in case.role.forbid:
        fits = pattern_of(pattern).match
        there = [found for name, found in named if fits(name)]
        if there:
            yield _forbidden(case, pattern, there)
        elif case.facts.torch.installed and fits("torch"):
            yield _forbidden_torch(case, pattern)
        elif isinstance(doubt, Unknown):
            yield _undecided(case, "forbid", pattern, f"no {pattern}", doubt)
        else:
            yield case.passed("forbid", f"no {pattern} is installed", Shown(f"no {pattern}", "none"))


def _forbidden(case: Case, pattern: str, there: list[Distribution]) -> Finding:
    there = sorted(there, key=lambda found: (-(found.size or 0), found.name))
    named = ", ".join(f"{found.name} {found.version}" for found in there[:_NAMED])
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    size = sum(found.size or 0 for found in there)
    message = f"forbidden by {pattern}: {named}{more} ({show_size(size)})"
    at = case.at(there[0].layer, path=there[0].path, size=size)
    shown = Shown(f"no {pattern}", f"{len(there)} installed")
    return case.found("forbid", "fail", "forbidden-package", message, shown, at)


def _forbidden_torch(case: Case, pattern: str) -> Finding:
    """Torch that no metadata lists is installed all the same: its files were found."""
    torch = case.facts.torch
    message = f"forbidden by {pattern}: torch {torch.version or 'of no stated version'}, without metadata"
    at = case.at(torch.layer, path=torch.path, size=torch.size)
    return case.found("forbid", "fail", "forbidden-package", message, Shown(f"no {pattern}", "1 installed"), at)


def _at(case: Case, found: Distribution) -> Pointer:
    return case.at(found.layer, path=found.path, size=found.size)


def _listed(case: Case) -> tuple[Distribution, ...] | Unknown:
    """All distributions; or why the list may be wrong, or was not made. No interpreter: it is whole, and empty."""
    interpreter, found = case.facts.interpreter, case.facts.distributions
    if isinstance(interpreter, Absent):
        return () if isinstance(found, Unknown) else found
    return interpreter if isinstance(interpreter, Unknown) else found


def _doubt(case: Case) -> Unknown | None:
    """Why a distribution that is not listed may be there all the same."""
    unread = case.facts.metadata_unread
    if not unread:
        return None
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    return Unknown(f"the metadata at {unread[0]!r}{more} can't be read, and may be of any distribution")


def _undecided(case: Case, check: str, what: str, expected: str, why: Unknown) -> Finding:
    """Why it can't be told; `why` is the facts' own answer where nobody looked at the distributions."""
    if why is case.facts.distributions:
        message = f"whether {what} is installed: not looked at: {why.unknown}"
        return case.found(check, "unknown", "not-looked", message, Shown(expected, "not looked at"))
    return case.unknown(check, f"whether {what} is installed is not known: {why.unknown}", Shown(expected, "not known"))
