"""The interpreter that the asked `python` starts."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.findings import NO_PYTHON, Case, Shown, because
from inspector.policy.model import Finding, Pointer
from inspector.policy.rule import Explanation, Rule
from inspector.python.model import Interpreter
from inspector.unknown import Absent, Unknown


def check_python(case: Case) -> Iterator[Finding]:
    """Check that the asked `python` is there, of the image's own machine, and the kernel could start it."""
    match case.facts.interpreter:
        case Absent(reason):
            yield case.found("fail", NO_PYTHON, reason, Shown("a Python that runs", "not found"))
        case Unknown(reason):
            message = f"what `{case.role.python_command}` runs is not known: {reason}"
            yield case.unknown(message, Shown("a Python that runs", "not known"))
        case Interpreter() as python:
            yield _runs(case, python)


def _runs(case: Case, python: Interpreter) -> Finding:
    actual = f"{python.implementation} {python.version}"
    here = f"{actual}, {python.path}"
    shown = Shown("a Python that runs", actual)
    match python.runs:
        case "yes":
            return case.passed(f"{here} can run{_through(python)}", shown)
        case "no":
            message = f"{here} can't run{because(python.reasons)}"
            return case.found("fail", NO_PYTHON, message, shown, Pointer(path=python.resolved))
        case "unknown":
            return case.unknown(f"whether {here} can run is not known{because(python.reasons)}", shown)


def _through(python: Interpreter) -> str:
    """Return what stands between `docker run IMAGE python` and the interpreter.

    The answers are for `--entrypoint python`.
    """
    match python.entrypoint:
        case "argument":
            return "; the image's entrypoint would take the command as its argument"
        case "unknown":
            return "; the image's entrypoint runs before it"
        case _:
            return ""


EXPLAINED = Explanation(
    proves="The Python that is asked for is in the image, is built for its machine, and can start.",
    unknown=(
        "What the name leads to can't be told, as for a wrapper script, or a library that the interpreter needs "
        "can't be judged."
    ),
    mend=(
        "Install the interpreter in the Dockerfile, for the image's own platform, and put it on PATH; or name "
        "another one with `python-command`."
    ),
)
RULE = Rule(check="python", explanation=EXPLAINED, test=check_python, of_python=True)
