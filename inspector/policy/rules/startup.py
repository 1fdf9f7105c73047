"""The container's own command."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.findings import Case, Shown, because
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.rule import Explanation, Rule
from inspector.python.model import UNSTATED

CRASH = Advice(
    "ENVIRONMENT",
    "The image build is broken: build it again with `{build}`; if the container still does not start, check Docker's "
    "resources and `docker logs`",
)


def check_startup(case: Case) -> Iterator[Finding]:
    """Check that the container's own command exists and could be executed."""
    startup = case.facts.startup
    if UNSTATED in startup.reasons:  # a root file system without a configuration, or an environment
        return
    command = " ".join(startup.argv) or "no command"
    why = because(startup.reasons)
    shown = Shown("a command that exists", command)
    match startup.starts:
        case "yes":
            yield case.passed(f"can start: {command}", shown)
        case "no":
            message = f"the container can't start ({command}){why}"
            yield case.found("fail", CRASH, message, shown, Pointer(path=startup.path))
        case "unknown":
            message = f"whether the container can start is not known ({command}){why}"
            yield case.unknown(message, shown, f"`docker run --rm {case.name}` shows it")


EXPLAINED = Explanation(
    proves="The command of ENTRYPOINT and CMD exists in the image and can be executed.",
    unknown=(
        "The command is found only at run time, as by a shell script that computes it. "
        "An environment (`venv:`) and a root file system (`rootfs:`) without `--config` have none: none is asked for."
    ),
    mend=(
        "Correct ENTRYPOINT or CMD in the Dockerfile, or install the program that it names; see that a script has "
        "its execute bit and an interpreter in its first line."
    ),
)
RULE = Rule(check="startup", explanation=EXPLAINED, test=check_startup)
