"""The hosts of the role's fleet: on each of their GPUs, torch must work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding, Outcome, Pointer
from inspector.policy.role import ANY_BUILD, Fleet
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.cuda import stated_torch
from inspector.policy.setting import Key, Setting, Written
from inspector.policy.torches import where
from inspector.policy.values import did_you_mean
from inspector.words import first_few

if TYPE_CHECKING:
    from inspector.gpu.hosts import Host
    from inspector.gpu.onhost import Cause, OnHost

ON_HOST = Advice("ENVIRONMENT", "For the host, or in {dockerfile}: {change}")
IN_IMAGE = Advice("CODE_BUG", "{dockerfile}: {change}{origin}")
NOT_TOLD = Advice("EVIDENCE", "Files can't tell: {change}")
NOTED = Advice("CODE_BUG", "{dockerfile}: see whether the programs of this image need what the note is about")
_BY_HAND = "run it there: `inspector runtime {image}`"
_OF_HOST = ("host", "start", "injection", "driver")
"""Stages at which the host, or how it starts containers, may be changed as well as the image."""
_OUTCOMES: dict[str, Outcome] = {"fails": "fail", "unknown": "unknown"}
_SHOWN = 5
"""GPUs of a host that a message names."""


def _read(written: Written) -> Fleet | None:
    name = written["fleet"]
    if name is None:
        return None
    if written["torch"] not in ("cuda", "rocm", *ANY_BUILD):
        sentence = f"contradicts the role's {stated_torch(written)}; it needs torch = 'cuda', 'rocm' or 'present'"
        raise written.location.error(sentence, "fleet")
    if name not in written.fleets:
        known = did_you_mean(name, written.fleets) if written.fleets else "the policy has none: write [fleets.NAME]"
        raise written.location.error(f"no fleet {name[:100]!r}; {known}", "fleet")
    fleet: Fleet | None = written.fleets[name]  # None has faults, which are told already
    return fleet


FLEETS = Key(
    "fleets",
    dict[str, Any],
    "tables [fleets.NAME]",
    about="Hosts with GPUs that roles are for: a table `[fleets.NAME]` each.",
    unset="No role can name a fleet.",
)
FLEET: Setting[Fleet | None] = Setting(
    "fleet",
    (
        Key(
            "fleet",
            str | None,
            "the name of a table [fleets.NAME], as in 'gpu'",
            about="The fleet `[fleets.NAME]` that the images are for: a host on which torch would not work is a "
            "failure. Needs `torch = 'cuda'`, `'rocm'` or `'present'`.",
            unset="No host is asked about.",
            form={"minLength": 1},
        ),
    ),
    _read,
    None,
)


def check_fleet(case: Case) -> Iterator[Finding]:
    """Check that torch would work on every GPU of every host of the role's fleet, by their drivers and models."""
    fleet = case.role[FLEET]
    if fleet is None:
        return
    from inspector.policy.predicted import predicted  # all that predicts comes with it, and most roles name no fleet

    well: list[OnHost] = []
    for host, found in zip(fleet.hosts, predicted(case.facts, fleet.hosts), strict=True):
        if found.verdict == "works":
            well.append(found)
            yield from _noted(case, host, found)
        for cause in found.causes:
            if cause.verdict != "works":
                yield _found(case.about(f"{host.name}: {cause.stage}"), host, cause)
        if not found.causes:
            yield case.about(host.name).unknown(f"{host.name}: no GPU is stated", Shown(f"torch works on {host.name}"))
    if well:
        most, named = len(fleet.hosts), ", ".join(each.host for each in well)
        message = f"torch works on {len(well)} of {most} hosts of the fleet {fleet.name!r}: {named}"
        yield case.passed(message, Shown(f"torch works on {most} hosts", f"on {len(well)}"))


def _found(case: Case, host: Host, cause: Cause) -> Finding:
    ways = f", by {' or '.join(cause.modes)}" if cause.modes else ""
    message = f"{_named(host, cause)}{ways}: {cause.told}"
    shown = Shown(f"torch works on {host.name}", f"{cause.verdict}: {cause.stage}")
    change = cause.change or _BY_HAND.format(image=case.name)
    advice = ON_HOST if cause.stage in _OF_HOST else IN_IMAGE
    if cause.verdict == "unknown":
        advice = NOT_TOLD
    return case.found(_OUTCOMES[cause.verdict], advice, message, shown, _at(case, cause), change=lambda _: change)


def _noted(case: Case, host: Host, found: OnHost) -> Iterator[Finding]:
    """Warn of what is noted of a host on which torch works."""
    if found.notes:
        about = case.about(f"{host.name}: note")
        message = f"{host.name}: torch works, but {'; '.join(found.notes)}"
        shown = Shown(f"torch works on {host.name}", "works, with a note")
        cause = next(each for each in found.causes if each.notes)
        yield about.found("warn", NOTED, message, shown, _at(case, cause))


def _named(host: Host, cause: Cause) -> str:
    return f"{host.name} (driver {host.driver}, {first_few(cause.gpus, _SHOWN)})"


def _at(case: Case, cause: Cause) -> Pointer:
    """Say where what decides lies: the file, else torch."""
    return Pointer(path=cause.path) if cause.path else where(case, case.facts.torch)


EXPLAINED = Explanation(
    proves="On each GPU of the fleet's hosts, the container would start, and torch would compute.",
    unknown=(
        "The profile of a host leaves open how containers get the GPUs, and that decides; or nobody knows whether a "
        "GPU runs code for another one, as Jetson Orin; or the image's architectures could not be read."
    ),
    mend=(
        "The advice says what to change: the host's driver, how the container is started, or the image. "
        "`inspector fleet matrix` shows images against hosts, `inspector fleet profile` describes a host."
    ),
)
RULE = Rule(check="fleet", explanation=EXPLAINED, test=check_fleet, settings=(FLEET,), of_python=True)
