"""What a run of the image showed of its GPU, against the role and against what the files say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.facts import ImageFacts
from inspector.facts.runtime import Device, RuntimeFacts
from inspector.policy.checks.architectures import runs_on
from inspector.policy.checks.torch import where
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding
from inspector.policy.runs import described, device_name, failure
from inspector.unknown import Tri

WANTED = "CUDA available"
MIN_DRIVER = {11: 450, 12: 525, 13: 580}
"""By CUDA's major version, the driver's below which nothing built for it runs (CUDA minor version compatibility)."""

_TOO_OLD = "driver on your system is too old"
_NO_DRIVER = ("found no nvidia driver", "libcuda.so")
_NO_KERNEL = "no kernel image"


class Usable(NamedTuple):
    """Whether a GPU can be used; the clause that tells it, and the row of advice where it can't or isn't known."""

    answer: Tri
    told: str
    row: str = "gpu-run"
    shown: Shown = Shown(WANTED, "not verified")


def check_cuda_runtime(case: Case) -> Iterator[Finding]:
    """CUDA is available and computes, if the role demands it; if it only wants to know, what was found is told."""
    found = usable(case.facts)
    match case.role.cuda_runtime:
        case None:
            return
        case "report":
            yield case.passed("cuda-runtime", _reported(found))
        case _:
            yield _demanded(case, found)


def _demanded(case: Case, found: Usable) -> Finding:
    match found.answer:
        case "yes":
            return case.passed("cuda-runtime", f"CUDA is available: {found.told}", found.shown)
        case "no":
            message = f"CUDA can't be used on this host: {found.told}"
            return case.found("cuda-runtime", "fail", found.row, message, found.shown)
        case "unknown":
            message = f"whether CUDA is available at run time: not verified here: {found.told}"
            return case.found("cuda-runtime", "unknown", found.row, message, found.shown)


def _reported(found: Usable) -> str:
    match found.answer:
        case "yes":
            return f"CUDA is available on this host: {found.told}; on another it may not be"
        case "no":
            return f"CUDA can't be used on this host: {found.told}; the role leaves that to the host"
        case "unknown":
            return f"whether CUDA is available depends on the host: not verified here: {found.told}"


def usable(facts: ImageFacts) -> Usable:
    """What the run says of CUDA. Only a computation that came out right on a GPU is a yes."""
    run = facts.runtime
    if (run is None or not run.gpu) and facts.torch.installed and facts.torch.build == "cpu":
        return Usable("no", "torch is a CPU build", "cpu-in-gpu", Shown("CUDA build", "CPU build"))
    if run is None or not run.ran:
        return Usable("unknown", (run.why_not if run else "") or "no container was run")
    if not run.gpu:
        return Usable("unknown", run.why_not or "no GPU")
    if run.imported is None:
        return Usable("unknown", f"the container told nothing of torch{_error(run)}", "run-silent")
    if not run.imported:
        row = "broken-torch" if facts.torch.installed else "no-torch"
        return Usable("no", f"`import torch` fails{_error(run)}", row, Shown(WANTED, "torch can't be imported"))
    return _computing(run) if run.is_available else _unavailable(run)


def _computing(run: RuntimeFacts) -> Usable:
    shown = Shown(WANTED, "available")
    match run.computed:
        case True:
            return Usable("yes", f"{described(run)}; a computation came out right", shown=shown)
        case False:
            row = "no-kernel" if _says(run, _NO_KERNEL) or _without_code(run) else "gpu-unusable"
            wrong = f"computing fails{_error(run)}" if run.error else "a computation came out wrong"
            return Usable("no", f"{described(run)}; {wrong}", row, Shown(_wanted(run, row), "computing fails"))
        case None:
            return Usable("unknown", f"{described(run)}; nothing was computed{_error(run)}", "gpu-unusable")


def _wanted(run: RuntimeFacts, row: str) -> str:
    names = dict.fromkeys(f"compute capability {device.capability}" for device in run.devices)
    return ", ".join(names) if row == "no-kernel" and names else WANTED


def _unavailable(run: RuntimeFacts) -> Usable:
    """Why `torch.cuda.is_available()` is not True though a GPU was handed to the container."""
    if run.is_available is None:
        return Usable("unknown", f"torch did not say whether CUDA is available{_error(run)}", "run-silent")
    if run.cuda is None and run.hip is None:
        return Usable("no", f"torch {run.torch} is no CUDA build", "cpu-in-gpu", Shown("CUDA build", "no CUDA build"))
    why, driver = _error(run), run.driver or "not known"
    least = MIN_DRIVER.get(_major(run.cuda), 0)
    if _says(run, _TOO_OLD) or 0 < _major(run.driver) < least:
        newer = f"driver {least} or newer" if least else "a newer driver"
        told = f"the driver ({driver}) is too old for CUDA {run.cuda}{why}"
        return Usable("no", told, "driver-old", Shown(newer, f"driver {driver}"))
    if _says(run, *_NO_DRIVER):
        return Usable("no", f"the container has no driver{why}", "no-toolkit", Shown(WANTED, "no driver"))
    told = f"torch finds no GPU that it can use, driver {driver}{why}"
    return Usable("no", told, "gpu-unusable", Shown(WANTED, "not available"))


def check_gpu_architecture(case: Case) -> Iterator[Finding]:
    """The GPUs of a run are among those that torch has code for; another one works slowly, partly or not at all."""
    run = case.facts.runtime
    for device in _without_code(run) if run is not None and run.ran and run.imported else ():
        listed = ", ".join(run.arch_list) if run else ""
        message = f"{device_name(device)} is none that torch has code for: {listed}"
        shown = Shown(f"compute capability {device.capability}", listed)
        at = where(case, case.facts.torch)
        yield case.found("gpu-architecture", "warn", "no-kernel", message, shown, at)


def _without_code(run: RuntimeFacts) -> list[Device]:
    return [device for device in run.devices if runs_on(device.capability, run.arch_list) == "no"]


def _major(version: str | None) -> int:
    """The first number of a version; 0 where there is none."""
    found = re.match(r"[0-9]{1,6}", version or "", re.ASCII)
    return int(found[0]) if found else 0


def _says(run: RuntimeFacts, *texts: str) -> bool:
    said = run.error.message.lower() if run.error else ""
    return any(text in said for text in texts)


def _error(run: RuntimeFacts) -> str:
    return f": {failure(run)}" if run.error else ""
