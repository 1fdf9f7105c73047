"""The GPUs that torch has code for, against those that a run met."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.facts.runtime import Device, RuntimeFacts
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.runs import device_name
from inspector.policy.torches import where

NO_KERNEL = Advice(
    "CODE_BUG",
    "{dockerfile}: install a torch that was built for these GPUs ({wanted}), or deploy on others{origin}",
    procedure="{dockerfile}: lock a torch that was built for these GPUs ({wanted}), or deploy on others{origin}",
)


def check_gpu_architecture(case: Case) -> Iterator[Finding]:
    """Check that the GPUs of a run are among those that torch has code for.

    Another one works slowly, partly or not at all.
    """
    run = case.facts.runtime
    for device in without_code(run) if run is not None and run.ran and run.imported else ():
        listed = ", ".join(run.arch_list) if run else ""
        message = f"torch has no kernels for {device_name(device)}; built for {listed}"
        shown = Shown(f"compute capability {device.capability}", listed)
        yield case.found("warn", NO_KERNEL, message, shown, where(case, case.facts.torch))


def without_code(run: RuntimeFacts) -> list[Device]:
    """Return the devices of a run that torch has no code for."""
    from inspector.gpu.code import runs_on  # most images are not run

    return [device for device in run.devices if runs_on(device.capability, run.arch_list) == "no"]


EXPLAINED = Explanation(
    proves="torch holds code for the GPUs that a run of the image found.",
    unknown="Never: without a run, or without a GPU, the check says nothing.",
    mend="Install a torch release that was built for the GPU's compute capability, or use another GPU.",
)
RULE = Rule(check="gpu-architecture", explanation=EXPLAINED, test=check_gpu_architecture, facts="run")
