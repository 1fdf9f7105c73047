"""The Python of the image's own command beside the asked one: both are checked, and the worse counts."""

from __future__ import annotations

import msgspec

from inspector.facts import ImageFacts
from inspector.policy.model import Finding
from inspector.policy.role import Role
from inspector.python.model import Interpreter

COMMAND = "command"
"""The subject of a finding on the command's Python, where the same check has one on the asked Python."""
_ASKED = "python"


def differs(facts: ImageFacts, role: Role) -> bool:
    """Tell whether the command's Python is checked too: it is another one, and the role names none of its own."""
    return facts.command.python_differs and role.python_command == _ASKED


def as_command(facts: ImageFacts) -> ImageFacts:
    """Return the facts as the Python of the image's own command sees them."""
    command = facts.command
    interpreter, torch = command.interpreter, command.torch
    if interpreter is None or torch is None:
        return facts
    return msgspec.structs.replace(facts, interpreter=interpreter, torch=torch, gpu=command.gpu)


def of_command(facts: ImageFacts, finding: Finding) -> Finding:
    """Return the finding on the command's Python, saying so."""
    message = f"the image's own command runs {_name(facts)}: {finding.message}"
    return msgspec.structs.replace(finding, message=message, subject=COMMAND)


def beside_command(facts: ImageFacts, finding: Finding) -> Finding:
    """Return the finding on the asked Python, with what would check the command's alone."""
    if finding.outcome == "pass" or not isinstance(facts.command.interpreter, Interpreter):
        return finding
    advice = f"{finding.advice}; or check the Python of the image's own command alone: `--python {_name(facts)}`"
    return msgspec.structs.replace(finding, message=f"`{_ASKED}`: {finding.message}", advice=advice)


def _name(facts: ImageFacts) -> str:
    interpreter = facts.command.interpreter
    return interpreter.path if isinstance(interpreter, Interpreter) else "a Python that is not known"
