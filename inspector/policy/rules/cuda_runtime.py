"""What a run of the image showed of its GPU, against the role and against what the files say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.policy.findings import RUN_SILENT, Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.role import ANY_BUILD, CudaRuntime, Fleet
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.cuda import CUDA, HOST_DEPENDENT, stated_torch
from inspector.policy.rules.fleet import FLEET
from inspector.policy.rules.gpu_architecture import NO_KERNEL, without_code
from inspector.policy.rules.torch import BROKEN, NO_TORCH
from inspector.policy.rules.torch_build import CPU_IN_GPU
from inspector.policy.runs import described, failure
from inspector.policy.setting import Key, Setting, Written
from inspector.policy.torches import installing
from inspector.unknown import Tri

WANTED = "CUDA available"
MIN_DRIVER = {11: 450, 12: 525, 13: 580}
"""By CUDA's major version, the driver's below which nothing built for it runs (CUDA minor version compatibility)."""

_TOO_OLD = "driver on your system is too old"
_NO_DRIVER = ("found no nvidia driver", "libcuda.so")
_WITHOUT_KERNEL = "no kernel image"
GPU_RUN = Advice(
    "ENVIRONMENT",
    "Whether a GPU is usable shows only on a GPU host whose engine hands it over (nvidia-container-toolkit or "
    "CDI): `inspector runtime {image}` there",
)
NO_TOOLKIT = Advice(
    "ENVIRONMENT",
    "The host's driver does not reach the container: set up nvidia-container-toolkit for the engine, and see that "
    "NVIDIA_DRIVER_CAPABILITIES, where {dockerfile} states it, has `compute`",
)
DRIVER_OLD = Advice(
    "ENVIRONMENT",
    "Update the host's NVIDIA driver, or {dockerfile}: install a torch that was built for an older CUDA",
    procedure="Update the host's NVIDIA driver, or {dockerfile}: inject the PyTorch source of an older CUDA (look for "
    "`pytorch-cu`) before `uv sync`",
)
GPU_UNUSABLE = Advice(
    "ENVIRONMENT",
    "Look at the host: `nvidia-smi`, the kernel's log, then `{builder} run --rm --gpus all {image} nvidia-smi`",
)


class Usable(msgspec.Struct, frozen=True):
    """Whether a GPU can be used; the clause that tells it, and the advice where it can't or isn't known."""

    answer: Tri
    told: str
    advice: Advice = GPU_RUN
    shown: Shown = Shown(WANTED, "not verified")


def _read(written: Written) -> CudaRuntime | None:
    stated, cuda = written["cuda-runtime"], written["cuda"]
    if stated and written["torch"] not in ("cuda", *ANY_BUILD):
        sentence = f"contradicts the role's {stated_torch(written)}; it needs torch = 'cuda' or 'present'"
        raise written.location.error(sentence, "cuda-runtime")
    if cuda == HOST_DEPENDENT and isinstance(stated, bool):
        raise written.location.error(f"contradicts cuda = {HOST_DEPENDENT!r}: state one of them", "cuda-runtime")
    if HOST_DEPENDENT in (cuda, stated):
        return "report"
    return "demand" if stated is True else None


CUDA_RUNTIME: Setting[CudaRuntime | None] = Setting(
    "cuda_runtime",
    (
        Key(
            "cuda-runtime",
            bool | Literal["host-dependent"] | None,
            f"allowed are true, false and {HOST_DEPENDENT!r}",
            about="Whether a GPU must be usable, which only a run on a GPU host shows (`--runtime`): `true` demands "
            "it, `host-dependent` reports what a run found, and leaves the verdict to `fleet` where one is named. "
            "Needs `torch = 'cuda'` or `'present'`.",
            unset="What a run finds of a GPU is not asked.",
            words=lambda: (True, False, HOST_DEPENDENT),
        ),
    ),
    _read,
    None,
)


def check_cuda_runtime(case: Case) -> Iterator[Finding]:
    """CUDA is available and computes, if the role demands it; if the role only asks, what was found is reported."""
    found = usable(case.facts)
    match case.role[CUDA_RUNTIME]:
        case None:
            return
        case "report":
            yield case.passed(_reported(found, case.role[FLEET]))
        case _:
            yield _demanded(case, found)


def _demanded(case: Case, found: Usable) -> Finding:
    change = installing("cuda", case.role[CUDA])
    match found.answer:
        case "yes":
            return case.passed(f"CUDA is available: {found.told}", found.shown)
        case "no":
            message = f"CUDA can't be used on this host: {found.told}"
            return case.found("fail", found.advice, message, found.shown, change=change)
        case "unknown":
            message = f"whether CUDA is available at run time: not verified here: {found.told}"
            return case.found("unknown", found.advice, message, found.shown, change=change)


def _reported(found: Usable, fleet: Fleet | None) -> str:
    match found.answer:
        case "yes":
            return f"CUDA is available on this host: {found.told}; on another it may not be"
        case "no":
            return f"CUDA can't be used on this host: {found.told}; the role leaves that to the host"
        case "unknown" if fleet is not None:
            return f"whether CUDA is available depends on the host: judged for the fleet {fleet.name!r} by its profiles"
        case "unknown":
            return f"whether CUDA is available depends on the host: not verified here: {found.told}"


def usable(facts: ImageFacts) -> Usable:
    """Return what the run says of CUDA. Only a computation that came out right on a GPU is a yes."""
    run = facts.runtime
    if (run is None or not run.gpu) and facts.torch.installed and facts.torch.build == "cpu":
        return Usable("no", "torch is a CPU build", CPU_IN_GPU, Shown("CUDA build", "CPU build"))
    if run is None or not run.ran:
        return Usable("unknown", (run.why_not if run else "") or "no container was run")
    if not run.gpu:
        return Usable("unknown", run.why_not or "no GPU")
    if run.imported is None:
        return Usable("unknown", f"the container told nothing of torch{_error(run)}", RUN_SILENT)
    if not run.imported:
        advice = BROKEN if facts.torch.installed else NO_TORCH
        return Usable("no", f"`import torch` fails{_error(run)}", advice, Shown(WANTED, "torch can't be imported"))
    return _computing(run) if run.is_available else _unavailable(run)


def _computing(run: RuntimeFacts) -> Usable:
    shown = Shown(WANTED, "available")
    match run.computed:
        case True:
            return Usable("yes", f"{described(run)}; a computation came out right", shown=shown)
        case False:
            advice = NO_KERNEL if _says(run, _WITHOUT_KERNEL) or without_code(run) else GPU_UNUSABLE
            wrong = f"computing fails{_error(run)}" if run.error else "a computation came out wrong"
            return Usable("no", f"{described(run)}; {wrong}", advice, Shown(_wanted(run, advice), "computing fails"))
        case None:
            return Usable("unknown", f"{described(run)}; nothing was computed{_error(run)}", GPU_UNUSABLE)


def _wanted(run: RuntimeFacts, advice: Advice) -> str:
    names = dict.fromkeys(f"compute capability {device.capability}" for device in run.devices)
    return ", ".join(names) if advice is NO_KERNEL and names else WANTED


def _unavailable(run: RuntimeFacts) -> Usable:
    """Say why `torch.cuda.is_available()` is not True though a GPU was handed to the container."""
    if run.is_available is None:
        return Usable("unknown", f"torch did not say whether CUDA is available{_error(run)}", RUN_SILENT)
    if run.cuda is None and run.hip is None:
        return Usable("no", f"torch {run.torch} is no CUDA build", CPU_IN_GPU, Shown("CUDA build", "no CUDA build"))
    why, driver = _error(run), run.driver or "not known"
    least = MIN_DRIVER.get(_major(run.cuda), 0)
    if _says(run, _TOO_OLD) or 0 < _major(run.driver) < least:
        newer = f"driver {least} or newer" if least else "a newer driver"
        told = f"the driver ({driver}) is too old for CUDA {run.cuda}{why}"
        return Usable("no", told, DRIVER_OLD, Shown(newer, f"driver {driver}"))
    if _says(run, *_NO_DRIVER):
        return Usable("no", f"the container has no driver{why}", NO_TOOLKIT, Shown(WANTED, "no driver"))
    told = f"torch finds no GPU that it can use, driver {driver}{why}"
    return Usable("no", told, GPU_UNUSABLE, Shown(WANTED, "not available"))


def _major(version: str | None) -> int:
    """Return the first number of a version; 0 where there is none."""
    found = re.match(r"[0-9]{1,6}", version or "", re.ASCII)
    return int(found[0]) if found else 0


def _says(run: RuntimeFacts, *texts: str) -> bool:
    said = run.error.message.lower() if run.error else ""
    return any(text in said for text in texts)


def _error(run: RuntimeFacts) -> str:
    return f": {failure(run)}" if run.error else ""


EXPLAINED = Explanation(
    proves="On this host, a container of the image found a GPU by CUDA and computed with it correctly.",
    unknown="No container was run, or the host has no GPU. Files alone can't answer this.",
    mend=(
        "Run `inspector check --runtime auto` or `inspector runtime` on a GPU host whose engine passes GPUs through "
        "(nvidia-container-toolkit or CDI). If it fails there, compare the driver with the CUDA version of torch."
    ),
)
RULE = Rule(check="cuda-runtime", explanation=EXPLAINED, test=check_cuda_runtime, settings=(CUDA_RUNTIME,), facts="run")
