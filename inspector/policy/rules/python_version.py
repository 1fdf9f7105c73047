"""The version of Python itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.policy.findings import NO_PYTHON, Case, Shown
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import text
from inspector.policy.values import RANGE_FORM, specifier
from inspector.policy.versions import python_within
from inspector.unknown import Absent, Unknown

_TOLD: dict[str, Any] = {
    "about": "The versions of Python that are right, as a range (PEP 440).",
    "unset": "Any version.",
    "form": RANGE_FORM,
}
WANTED = text("python", specifier, "a version range, as in '>=3.11,<3.13'", **_TOLD)
OTHER = Advice("CODE_BUG", "{dockerfile}: build from a Python {wanted}")


def check_python_version(case: Case) -> Iterator[Finding]:
    """Check that the interpreter's version lies in the role's range."""
    wanted, python = case.role[WANTED], case.facts.interpreter
    if wanted is None:
        return
    if isinstance(python, Absent):
        yield case.found("fail", NO_PYTHON, f"no Python, let alone {wanted}", Shown(wanted, "not found"))
        return
    if isinstance(python, Unknown):
        message = f"no version to check against {wanted}: the interpreter is not known"
        yield case.unknown(message, Shown(wanted, "not known"))
        return
    shown = Shown(wanted, python.version)
    match python_within(python.version, wanted):
        case "yes":
            yield case.passed(f"Python {python.version} is {wanted}", shown)
        case "no":
            message, at = f"Python {python.version} is not {wanted}", Pointer(path=python.resolved)
            yield case.found("fail", OTHER, message, shown, at)
        case "unknown":
            message = f"whether Python {python.version} is {wanted} depends on what the image does not tell"
            yield case.unknown(message, shown, "`python --version` in a container shows it")


EXPLAINED = Explanation(
    proves="The interpreter's version lies in the role's range.",
    unknown=(
        "The interpreter is not known, or its files state only a part of the version, such as 3.12 for a range that "
        "starts at 3.12.4."
    ),
    mend=("Change the base image or the interpreter that the Dockerfile installs, or correct `python` in the role."),
)
RULE = Rule(
    check="python-version", explanation=EXPLAINED, test=check_python_version, settings=(WANTED,), of_python=True
)
