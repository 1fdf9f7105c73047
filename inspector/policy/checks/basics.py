"""What holds for every image, whatever its role: it was read, it can start, its Python can run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inspector.facts import Evidence
from inspector.oci import Platform
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding, Pointer
from inspector.python.model import Interpreter
from inspector.sizes import show_size
from inspector.unknown import Absent, Unknown


def check_evidence(case: Case) -> Iterator[Finding]:
    """Every layer was read or had been, in place of the procedure's "a run under ten seconds is suspect".

    The archive lane reads none: there the engine must have been asked, and have answered with bytes.
    """
    evidence = case.facts.evidence
    layers = len({layer.diff_id for layer in case.facts.layers})
    seen = evidence.layers_read + evidence.layers_cached
    told = _told(evidence)
    shown = Shown("files asked for" if evidence.partial else "every layer read", told)
    if evidence.partial and layers:
        if evidence.questions and evidence.bytes_read:
            yield case.passed("evidence", told, shown)
        else:
            message = "the engine was asked for files, but sent nothing of any"
            yield case.found("evidence", "unknown", "not-looked", message, shown)
    elif not layers or not seen or not (evidence.bytes_read or evidence.layers_cached):
        yield case.found("evidence", "unknown", "evidence", "nothing of the image was read", shown)
    elif seen < layers:
        message = f"only {seen} of {layers} layers were read"
        yield case.found("evidence", "unknown", "evidence", message, shown)
    else:
        yield case.passed("evidence", told, shown)


def _told(evidence: Evidence) -> str:
    lane = f"{evidence.lane} lane: " if evidence.lane else ""
    passed_over = f"; passed over: {'; '.join(evidence.passed_over)}" if evidence.passed_over else ""
    if evidence.partial:
        return f"{lane}{evidence.questions} questions, {show_size(evidence.bytes_read)}{passed_over}"
    digests = "digests verified" if evidence.digests_verified else "digests not verified"
    return (
        f"{lane}{evidence.layers_read} layers read ({show_size(evidence.bytes_read)}), "
        f"{evidence.layers_cached} from the cache, {digests}{passed_over}"
    )


def check_platform(case: Case) -> Iterator[Finding]:
    """The platform, where the role states one; a variant counts only where the role names it."""
    wanted = case.role.platform
    if wanted is None:
        return
    actual = case.facts.platform.normal()
    shown = Shown(str(wanted), str(actual))
    if not actual.os or not actual.architecture:
        yield case.unknown("platform", "the image does not say what platform it is for", shown)
    elif actual == msgspec.structs.replace(actual, **_stated(wanted)):
        yield case.passed("platform", f"built for {actual}", shown)
    else:
        message = f"built for {actual}, not for {wanted}"
        yield case.found("platform", "fail", "wrong-platform", message, shown)


def _stated(platform: Platform) -> dict[str, str]:
    """The parts that a role names: a missing variant is no demand."""
    parts = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return {name: part for name, part in parts.items() if part}


def check_startup(case: Case) -> Iterator[Finding]:
    """The container's own command exists and could be executed."""
    startup = case.facts.startup
    command = " ".join(startup.argv) or "no command"
    why = _because(startup.reasons)
    shown = Shown("a command that exists", command)
    match startup.starts:
        case "yes":
            yield case.passed("startup", f"can start: {command}", shown)
        case "no":
            message = f"the container can't start ({command}){why}"
            yield case.found("startup", "fail", "crash", message, shown, Pointer(path=startup.path))
        case "unknown":
            message = f"whether the container can start is not known ({command}){why}"
            yield case.unknown("startup", message, shown, f"`docker run --rm {case.name}` shows it")


def check_python(case: Case) -> Iterator[Finding]:
    """The asked `python` is there, of the image's own machine, and the kernel could start it."""
    match case.facts.interpreter:
        case Absent(reason):
            yield case.found("python", "fail", "no-python", reason, Shown("a Python that runs", "not found"))
        case Unknown(reason):
            message = f"what `{case.role.python_command}` runs is not known: {reason}"
            yield case.unknown("python", message, Shown("a Python that runs", "not known"))
        case Interpreter() as python:
            yield from _runs(case, python)


def _runs(case: Case, python: Interpreter) -> Iterator[Finding]:
    actual = f"{python.implementation} {python.version}"
    here = f"{actual}, {python.path}"
    shown = Shown("a Python that runs", actual)
    match python.runs:
        case "yes":
            yield case.passed("python", f"{here} can run{_through(python)}", shown)
        case "no":
            message = f"{here} can't run{_because(python.reasons)}"
            yield case.found("python", "fail", "no-python", message, shown, Pointer(path=python.resolved))
        case "unknown":
            message = f"whether {here} can run is not known{_because(python.reasons)}"
            yield case.unknown("python", message, shown)


def _through(python: Interpreter) -> str:
    """What stands between `docker run IMAGE python` and the interpreter; the answers are for `--entrypoint python`."""
    match python.entrypoint:
        case "argument":
            return "; the image's entrypoint would take the command as its argument"
        case "unknown":
            return "; the image's entrypoint runs before it"
        case _:
            return ""


def _because(reasons: tuple[str, ...]) -> str:
    return f": {'; '.join(reasons)}" if reasons else ""
