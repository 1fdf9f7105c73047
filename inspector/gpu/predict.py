"""Whether CUDA would work on a host, decided in the order in which it fails: start, GPU, library, driver, code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from inspector.gpu import drivers
from inspector.gpu.code import runs_on
from inspector.gpu.compat import Compat, chosen, is_used
from inspector.gpu.hosts import Host, Mode, numbers
from inspector.gpu.image import CAPABILITIES, ImageGpu
from inspector.gpu.models import Gpu, capability_text
from inspector.gpu.requirements import Invalid, Properties, is_legacy, refusal, refusal_on_tegra, requirements
from inspector.gpu.versions import compare
from inspector.gpu.visible import visible
from inspector.unknown import Unknown

Verdict = Literal["works", "fails", "unknown"]
Stage = Literal["host", "import", "start", "injection", "library", "driver", "hidden", "code", "works", "unknown"]


class Prediction(NamedTuple):
    """What would happen on one GPU of a host in one way of injection.

    `available` is what `torch.cuda.is_available()` would say, None where the container doesn't start or nobody knows;
    `change` says what to do. `notes` don't change the verdict.
    """

    verdict: Verdict
    stage: Stage
    reason: str
    change: str = ""
    available: bool | None = None
    notes: tuple[str, ...] = ()


class OnHost(NamedTuple):
    """The predictions for one GPU of a host, by way of injection; where all agree, `agreed` is their verdict."""

    host: Host
    gpu: str
    by_mode: dict[Mode, Prediction]

    @property
    def verdict(self) -> Verdict:
        """Return what holds in every way of injection, else unknown."""
        found = {each.verdict for each in self.by_mode.values()}
        return found.pop() if len(found) == 1 else "unknown"


def predict(image: ImageGpu, host: Host) -> list[OnHost]:
    """Return what would happen on each GPU of a host."""
    return [
        OnHost(host, name, {mode: _predict(image, host, gpu, name, mode) for mode in host.modes()})
        for name, gpu in zip(host.gpus, host.found(), strict=True)
    ]


def _predict(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction:
    for step in (_possible, _imports, _starts, _is_injected, _is_hidden):
        found = step(image, host, gpu, name, mode)
        if found is not None:
            return found
    assert gpu is not None  # noqa: S101 - `_possible` refuses a GPU that is not known
    return _computes(image, host, gpu, mode)


def _possible(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction | None:
    del image, mode
    if gpu is None:
        change = "state its compute capability in the profile, such as 8.6"
        return Prediction("unknown", "host", f"no GPU is known by the name {name!r}", change)
    if drivers.drives(host.driver, gpu.capability) is None:
        return Prediction("unknown", "host", f"{host.driver!r} is not a driver's version", "correct the profile")
    if not drivers.drives(host.driver, gpu.capability):
        return Prediction(
            "unknown", "host", f"driver {host.driver} does not drive {gpu.name}", "correct the profile of the host"
        )
    return None


def _imports(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction | None:
    del gpu, name, mode
    if image.architecture != host.architecture:
        return Prediction(
            "fails",
            "import",
            f"the image is for {image.architecture}, the host is {host.architecture}",
            f"build the image for {host.architecture}",
        )
    return None


def _starts(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction | None:
    """Refuse what the injection refuses; CDI asks nothing of the image."""
    del name
    if mode == "cdi" or _asked_devices(image, host) == []:
        return None
    try:
        wanted = requirements(image.environment)
    except Invalid as error:
        return Prediction("fails", "start", f"the start is refused: {error}", "set CUDA_VERSION to a version")
    properties = Properties(
        drivers.cuda_of(host.driver),
        host.driver,
        capability_text(gpu.capability) if gpu is not None else None,
        gpu.brands if gpu is not None else None,
    )
    refused = refusal(wanted, properties) if mode == "legacy" else refusal_on_tegra(wanted, properties)
    if refused is not None:
        return Prediction(
            "fails" if refused.certain else "unknown",
            "start",
            f"the start is refused: {refused.message}",
            f"update the driver (this one has CUDA {properties.cuda}), or set NVIDIA_DISABLE_REQUIRE=1 in the image",
        )
    return _capabilities_refused(image) if mode == "legacy" else None


def _capabilities_refused(image: ImageGpu) -> Prediction | None:
    unsupported = sorted(_capabilities(image) - CAPABILITIES - {"all"})
    if not unsupported:
        return None
    reason = f"the start is refused: NVIDIA_DRIVER_CAPABILITIES names {', '.join(unsupported)}"
    return Prediction("fails", "start", reason, "name only compute, utility and their like")


def _capabilities(image: ImageGpu) -> set[str]:
    return set(filter(None, image.environment.get("NVIDIA_DRIVER_CAPABILITIES", "").split(",")))


def _asked_devices(image: ImageGpu, host: Host) -> list[str] | None:
    """Return the devices that the image's environment asks for; None where that does not decide."""
    if host.asks_by_environment is not True:
        return None
    value = image.environment.get("NVIDIA_VISIBLE_DEVICES")
    if value is None:
        return ["all"] if is_legacy(image.environment) else []
    found = [each for each in map(str.strip, value.split(",")) if each]
    return [] if "void" in found else found


def _is_injected(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction | None:
    del gpu, name
    asked = _asked_devices(image, host)
    if asked == [] or asked == ["none"]:
        value = image.environment.get("NVIDIA_VISIBLE_DEVICES")
        said = "is not set" if value is None else f"is {value!r}"
        reason = f"no GPU is given to the container: NVIDIA_VISIBLE_DEVICES {said}"
        return Prediction("fails", "injection", reason, "run it with --gpus all, or set the variable to all", False)
    capabilities = _capabilities(image)
    if mode == "legacy" and capabilities and not capabilities & {"compute", "all"}:
        reason = f"libcuda is not given to the container: NVIDIA_DRIVER_CAPABILITIES={','.join(sorted(capabilities))}"
        return Prediction("fails", "injection", reason, "add compute to NVIDIA_DRIVER_CAPABILITIES", False)
    return None


def _is_hidden(image: ImageGpu, host: Host, gpu: Gpu | None, name: str, mode: Mode) -> Prediction | None:
    del gpu, name, mode
    value = image.environment.get("CUDA_VISIBLE_DEVICES")
    left = visible(value, len(host.gpus))
    change = "remove CUDA_VISIBLE_DEVICES from the image"
    if left.positions is None:
        return Prediction("unknown", "hidden", f"CUDA_VISIBLE_DEVICES={value} names GPUs by UUID", change)
    if not left.positions:
        error = f" (error {left.error})" if left.error else ""
        reason = f"every GPU is hidden: CUDA_VISIBLE_DEVICES is {value!r}{error}"
        return Prediction("fails", "hidden", reason, change, False)
    return None


def _computes(image: ImageGpu, host: Host, gpu: Gpu, mode: Mode) -> Prediction:
    if isinstance(image.build, Unknown) or isinstance(image.cuda, Unknown):
        missing = image.build if isinstance(image.build, Unknown) else image.cuda
        assert isinstance(missing, Unknown)  # noqa: S101 - one of both is
        return Prediction("unknown", "unknown", missing.unknown)
    if image.build != "cuda" or image.cuda is None:
        return Prediction("fails", "library", f"torch is a {image.build} build", "install a CUDA build", False)
    compat = chosen(image.compat)
    used = is_used(compat, host.driver, mode, numbers(host.toolkit)) if compat is not None else False
    answers = list(dict.fromkeys(_with_library(image, host, gpu, each) for each in _libraries(compat, used=used)))
    if len({each.verdict for each in answers}) == 1:
        return answers[0]
    return Prediction("unknown", "library", f"the version of the container toolkit decides: {answers[0].reason}")


def _libraries(compat: Compat | None, *, used: bool | None) -> Iterator[Compat | None]:
    if used is not True:
        yield None
    if used is not False:
        yield compat


def _with_library(image: ImageGpu, host: Host, gpu: Gpu, compat: Compat | None) -> Prediction:
    assert isinstance(image.cuda, str)  # noqa: S101 - asked before
    driver = host.driver
    if image.forced is not None:
        found = _forced(image.forced, host)
        if found is not None:
            return found
    if compat is not None:
        if gpu.kind == "geforce":
            reason = f"error 804: {compat.path} is used in place of the host's libcuda, which {gpu.name} does not allow"
            return Prediction("fails", "library", reason, "remove /usr/local/cuda*/compat from the image", False)
        if gpu.kind is None:
            reason = f"{compat.path} is used in place of the host's libcuda, which only some GPUs allow"
            return Prediction("unknown", "library", reason, "name the GPU's model in the profile")
        driver = compat.version
        if drivers.drives(driver, gpu.capability) is False:
            reason = f"{compat.path} is used, which does not drive {gpu.name}"
            return Prediction("fails", "library", reason, "remove /usr/local/cuda*/compat from the image", False)
    return _with_driver(image, image.cuda, driver, gpu)


def _forced(folder: str, host: Host) -> Prediction | None:
    """Return what a libcuda does that LD_LIBRARY_PATH puts before the host's; None where it is new enough."""
    change = "remove the folder from LD_LIBRARY_PATH"
    if folder.startswith("stub:"):
        return Prediction("fails", "library", f"error 34: {folder[5:]} is a stub", change, False)
    path, _, version = folder.partition("=")
    order = compare(version, host.driver)
    if order is None:
        return Prediction("unknown", "library", f"LD_LIBRARY_PATH puts {path} before the host's libcuda", change)
    if order < 0:
        reason = f"error 803: LD_LIBRARY_PATH puts {path}, of driver {version}, before that of the host, {host.driver}"
        return Prediction("fails", "library", reason, change, False)
    return None


def _with_driver(image: ImageGpu, cuda: str, driver: str, gpu: Gpu) -> Prediction:
    up = drivers.comes_up(cuda, driver)
    if up is None:
        return Prediction("unknown", "driver", f"it is not known which driver CUDA {cuda} wants")
    if not up:
        by_nvml = image.environment.get("PYTORCH_NVML_BASED_CUDA_CHECK") == "1"
        trap = ("PYTORCH_NVML_BASED_CUDA_CHECK=1: is_available() says True all the same, and first use fails",)
        return Prediction(
            "fails",
            "driver",
            f"driver {driver} has CUDA {drivers.cuda_of(driver)}, too old for {cuda}",
            f"update the driver to {drivers.minimum_driver(cuda)}, or install torch for an older CUDA",
            by_nvml,
            trap if by_nvml else (),
        )
    return _with_code(image, cuda, gpu)


def _with_code(image: ImageGpu, cuda: str, gpu: Gpu) -> Prediction:
    if isinstance(image.architectures, Unknown):
        return Prediction("unknown", "code", image.architectures.unknown, available=True)
    answer = runs_on(capability_text(gpu.capability), image.architectures, cuda)
    built = ", ".join(image.architectures)
    if answer == "yes":
        return Prediction("works", "works", f"CUDA {cuda} works on {gpu.name}", "", True)
    reason = f"torch has no kernels for {gpu.name} ({capability_text(gpu.capability)}), only {built}"
    change = "install a torch that was built for it"
    if answer == "no":
        return Prediction("fails", "code", f"{reason}; is_available() says True", change, True)
    return Prediction("unknown", "code", f"{reason}, which may run there", change, True)
