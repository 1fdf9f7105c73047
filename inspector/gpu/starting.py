"""Whether a container is started, and with which GPUs: what the container toolkit asks of an image."""

from __future__ import annotations

from inspector.gpu import drivers
from inspector.gpu.image import CAPABILITIES
from inspector.gpu.models import capability_text
from inspector.gpu.prediction import Case, Prediction, fails, undecided
from inspector.gpu.requirements import Invalid, Properties, is_legacy, refusal, refusal_on_tegra, requirements
from inspector.gpu.visible import visible

MAX_REQUIREMENT = 1 << 14
"""Characters of all requirements; those of CUDA's own images are 5,000. They are evaluated for each kind of GPU."""


def start_refused(case: Case) -> Prediction | None:
    """Return why the container is not started; None if it is. CDI asks nothing of the image."""
    if case.mode == "cdi" or _asked(case) == []:
        return None
    try:
        wanted = requirements(case.image.environment)
    except Invalid as error:
        return fails("start", f"the start is refused: {error}", "set CUDA_VERSION to a version", available=None)
    if sum(map(len, wanted)) > MAX_REQUIREMENT:
        return undecided("start", f"NVIDIA_REQUIRE_… of more than {MAX_REQUIREMENT} characters are not evaluated")
    cuda = drivers.cuda_of(case.host.driver)
    properties = Properties(cuda, case.host.driver, capability_text(case.gpu.capability), case.gpu.brands)
    refused = (refusal if case.mode == "legacy" else refusal_on_tegra)(wanted, properties)
    if refused is not None:
        tell = fails if refused.certain else undecided
        change = f"use a newer driver (this one has CUDA {cuda}), or set NVIDIA_DISABLE_REQUIRE=1 in the image"
        return tell("start", f"the start is refused: {refused.message}", change, available=None)
    return _capabilities_refused(case) if case.mode == "legacy" else None


def _capabilities_refused(case: Case) -> Prediction | None:
    unsupported = sorted(_capabilities(case) - CAPABILITIES - {"all"})
    if not unsupported:
        return None
    reason = f"the start is refused: NVIDIA_DRIVER_CAPABILITIES names {', '.join(unsupported)}"
    return fails("start", reason, "name only compute, utility and their like", available=None)


def not_injected(case: Case) -> Prediction | None:
    """Return why the container gets no GPU, or no libcuda; None if it gets both."""
    if case.host.flag == "none":
        return fails("injection", "containers are started without GPUs", "run it with --gpus all")
    if _asked(case) in ([], ["none"]):
        value = case.image.environment.get("NVIDIA_VISIBLE_DEVICES")
        said = "is not set" if value is None else f"is {value!r}"
        reason = f"no GPU is given to the container: NVIDIA_VISIBLE_DEVICES {said}"
        return fails("injection", reason, "run it with --gpus all, or set the variable to all")
    capabilities = _capabilities(case)
    if case.mode == "legacy" and capabilities and not capabilities & {"compute", "all"}:
        reason = f"libcuda is not given to the container: NVIDIA_DRIVER_CAPABILITIES={','.join(sorted(capabilities))}"
        return fails("injection", reason, "add compute to NVIDIA_DRIVER_CAPABILITIES")
    return None


def hidden(case: Case) -> Prediction | None:
    """Return why CUDA sees no GPU of those that the container has; None if it sees one."""
    value = case.image.environment.get("CUDA_VISIBLE_DEVICES")
    left = visible(value, len(case.host.gpus))
    change = "remove CUDA_VISIBLE_DEVICES from the image"
    if left.positions is None:
        return undecided("hidden", f"CUDA_VISIBLE_DEVICES={value} names GPUs by UUID", change)
    if left.positions:
        return None
    error = f" (error {left.error})" if left.error else ""
    return fails("hidden", f"every GPU is hidden: CUDA_VISIBLE_DEVICES is {value!r}{error}", change)


def _asked(case: Case) -> list[str] | None:
    """Return the devices that the image's environment asks for; None where that does not decide."""
    if case.host.flag == "none":
        return []
    if case.host.asks_by_environment is not True:
        return None
    value = case.image.environment.get("NVIDIA_VISIBLE_DEVICES")
    if value is None:
        return ["all"] if is_legacy(case.image.environment) else []
    found = [each for each in map(str.strip, value.split(",")) if each]
    return [] if "void" in found else found


def _capabilities(case: Case) -> set[str]:
    return set(filter(None, case.image.environment.get("NVIDIA_DRIVER_CAPABILITIES", "").split(",")))
