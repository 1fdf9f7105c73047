"""The Python that the image's own command runs, where that can't be told."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.torch import TORCH
from inspector.unknown import Absent, Unknown

NAME_IT = Advice(
    "EVIDENCE", "Name the Python that it runs: `--python PATH`, or `python-command` in the role, checks that one"
)

ENDS = Advice("ENVIRONMENT", "Correct CMD, or the script that it runs: `docker run` ends there")


def check_command(case: Case) -> Iterator[Finding]:
    """Yield what the image's own command runs can be followed.

    If not, another torch in the image may be what it imports.
    """
    command, torch = case.facts.command, case.facts.torch
    if case.role[TORCH] is None or case.role.python_command != "python" or case.facts.startup.starts == "no":
        return
    if command.python_differs or not isinstance(command.interpreter, Unknown):
        return
    if case.role[TORCH] == "absent":
        return  # a torch that it may reach is what torch-elsewhere tells
    if isinstance(command.interpreter, Absent):
        if not isinstance(case.facts.interpreter, Absent):
            message = f"the image's own command starts no Python: {command.interpreter.unknown}"
            yield case.found("warn", ENDS, message, Shown("a command that starts Python", "one that fails"))
        return
    found = case.facts.torch_elsewhere
    others = [] if isinstance(found, Unknown) else [other for other in found if other.path.endswith("/torch")]
    message = f"which Python the image's own command runs is not known: {command.interpreter.unknown}"
    shown = Shown("the asked Python", "not known")
    if any(other.build != torch.build for other in others):
        yield case.unknown(f"{message}; and another build of torch lies in {others[0].path}", shown, NAME_IT.text)
    else:
        yield case.found("warn", NAME_IT, f"{message}; checked was `{case.role.python_command}`", shown)


EXPLAINED = Explanation(
    proves="What the image's own command runs can be followed to the Python that was checked.",
    unknown=(
        "A program or script stands before Python that can't be followed, and another build of torch lies in the "
        "image. Without another build it is a warning."
    ),
    mend="Name the Python that the command runs: `--python PATH`, or `python-command` in the role.",
)
RULE = Rule(check="command", explanation=EXPLAINED, test=check_command)
