"""Markers of requirements (PEP 508) in the forms that tools write: `packaging` takes 20 ms to import."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.python.metadata import canonical
from inspector.python.ranges import RELEASE, plainly_within

_VERSIONS = ("python_version", "python_full_version")
_TEXTS = (
    *("extra", "os_name", "sys_platform", "implementation_name"),
    *("platform_machine", "platform_system", "platform_python_implementation"),
)
_TERM = (
    r"[ \t]{0,9}(?:([()]|and\b|or\b)"
    rf"|({'|'.join(_VERSIONS)})[ \t]{{0,9}}(>=|<=|==|!=|<|>)[ \t]{{0,9}}([\"'])({RELEASE})\4"
    rf"|({'|'.join(_TEXTS)})[ \t]{{0,9}}(==|!=)[ \t]{{0,9}}([\"'])((?![vV][0-9])[A-Za-z][A-Za-z0-9._-]{{0,99}})\8)"
    r"[ \t]{0,9}"
)
"""A word between comparisons; a comparison with a plain release; one with a name that is no version."""


def marker_holds(marker: str, environment: Mapping[str, str]) -> bool | None:
    """Tell whether a marker holds in an environment that has all variables; None where only `packaging` knows.

    >>> marker_holds("(os_name == 'nt' or extra == 'x') and python_version < '3.12'", {
    ...     "os_name": "posix", "extra": "x", "python_version": "3.11"
    ... })
    True
    """
    groups: list[list[list[bool]]] = [[[]]]  # for each bracket that is open: alternatives, of terms that all must hold
    term_at = re.compile(_TERM).match
    at, wants_term = 0, True
    while at < len(marker):
        term = term_at(marker, at)
        starts = term is not None and term[1] in (None, "(")
        if term is None or starts != wants_term or (term[1] == ")" and len(groups) == 1):
            return None
        at = term.end()
        match term[1]:
            case "(":
                groups.append([[]])
            case ")":
                value = any(map(all, groups.pop()))
                groups[-1][-1].append(value)
            case "or":
                groups[-1].append([])
            case "and":
                pass
            case _:
                holds = _holds(term, environment)
                if holds is None:
                    return None
                groups[-1][-1].append(holds)
        wants_term = term[1] in ("(", "and", "or")
    return None if wants_term or len(groups) > 1 else any(map(all, groups[0]))


def is_common(marker: str) -> bool:
    """Tell whether a marker has the form that `marker_holds` reads."""
    return marker_holds(marker, dict.fromkeys((*_VERSIONS, *_TEXTS), "0")) is not None


def _holds(term: re.Match[str], environment: Mapping[str, str]) -> bool | None:
    """Tell whether a comparison holds; None where the environment's version is no plain release."""
    if term[2]:
        return plainly_within(environment[term[2]], term[3] + term[5])
    value, wanted = environment[term[6]], term[9]
    if term[6] == "extra":
        value, wanted = canonical(value), canonical(wanted)
    return (value == wanted) == (term[7] == "==")
