"""Whether CUDA would work on a host, decided as it fails: start, GPU, library, driver, code, other packages."""

from __future__ import annotations

from typing import NamedTuple

from inspector.gpu import drivers, rocm, xpu
from inspector.gpu.computing import computes
from inspector.gpu.extensions import with_extensions
from inspector.gpu.hosts import Host, Mode
from inspector.gpu.image import ImageGpu
from inspector.gpu.models import Gpu
from inspector.gpu.prediction import Case, Prediction, Verdict, other_machine, undecided
from inspector.gpu.starting import hidden, not_injected, start_refused
from inspector.gpu.visible import visible


class OnGpu(NamedTuple):
    """The predictions for one GPU of a host, by way of injection."""

    gpu: str
    by_mode: dict[Mode, Prediction]

    @property
    def verdict(self) -> Verdict:
        """Return what holds in every way of injection, else unknown."""
        found = {each.verdict for each in self.by_mode.values()}
        return found.pop() if len(found) == 1 else "unknown"


def predict(image: ImageGpu, host: Host) -> list[OnGpu]:
    """Return what would happen on each GPU of a host."""
    known: dict[str, dict[Mode, Prediction]] = {}  # a host often has eight of a kind
    for name, gpu in zip(host.gpus, host.found(), strict=True):
        if name not in known:
            known[name] = {mode: _predict(image, host, name, gpu, mode) for mode in host.modes()}
    return [OnGpu(name, known[name]) for name in host.gpus]


def _predict(image: ImageGpu, host: Host, name: str, gpu: Gpu | None, mode: Mode) -> Prediction:
    if rocm.is_target(name):
        return other_machine(image, host) or rocm.predict_amd(image, host, name)
    if gpu is None and image.build == "xpu":
        return xpu.predict_xpu(image)
    if gpu is None:
        change = "state its compute capability in the profile, such as 8.6"
        return undecided("host", f"no GPU is known by the name {name!r}", change)
    case = Case(image, host, gpu, mode)
    found = _impossible(case) or other_machine(image, host)
    found = found or start_refused(case) or not_injected(case) or hidden(case)
    return found or _of_visible(case, with_extensions(case, computes(case)))


def _of_visible(case: Case, found: Prediction) -> Prediction:
    """Return that nobody can tell where only some GPUs of a host are left, and it matters which."""
    value, models = case.image.environment.get("CUDA_VISIBLE_DEVICES"), case.host.gpus
    if found.verdict != "fails" or found.stage not in ("library", "code", "extensions") or len({*models}) == 1:
        return found
    left = visible(value, len(models)).positions
    if left is None or len(left) == len(models):
        return found
    reason = f"CUDA_VISIBLE_DEVICES={value} hides GPUs, and their order decides which; on this one {found.reason}"
    return undecided(found.stage, reason, found.change, available=found.available)


def _impossible(case: Case) -> Prediction | None:
    """Return that there is no such host, which a profile may say by mistake."""
    driver = case.host.driver
    drives = drivers.drives(driver, case.gpu.capability)
    if drives is None:
        return undecided("host", f"{driver!r} is not a driver's version", "correct the profile of the host")
    if not drives:
        return undecided("host", f"driver {driver} does not drive {case.gpu.name}", "correct the profile of the host")
    return None
