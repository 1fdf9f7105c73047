"""Torch for ROCm on a host with AMD's GPUs, as far as their targets, the driver and the environment decide.

A host states its GPUs by target (`gfx942`, as `rocminfo` prints it) and as its driver the ROCm release that it belongs
to (`6.4`). No library of the host is needed: a container gets `/dev/kfd` and `/dev/dri`, and torch brings the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.gpu.prediction import Prediction, fails, undecided
from inspector.gpu.visible import visible
from inspector.python.files import is_listed, list_dir
from inspector.rootfs import Rootfs
from inspector.torchbuild.kinds import label_of
from inspector.unknown import Unknown

MAX_NAMES = 100_000
"""Names of one folder that are looked at; rocBLAS has some thousands."""
MAX_TARGETS = 64
RELEASES = (*((5, minor) for minor in range(8)), *((6, minor) for minor in range(5)))
"""Releases of ROCm; any two that lie at most two apart work together (AMD's matrix of user and kernel space)."""
APART = 2

_TARGET = re.compile(r"gfx[0-9a-f]{3,5}(?:-generic)?(?::[a-z]{1,20}[+-]){0,4}", re.ASCII)
_IN_NAME = re.compile(r"(?<![a-z0-9])gfx[0-9a-f]{3,5}(?![0-9a-z])", re.ASCII)
_FOLDERS = ("lib/rocblas/library", "lib/hipblaslt/library")
_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.|-|$)", re.ASCII)
_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


def is_target(text: str) -> bool:
    """Tell whether a GPU is stated as one of AMD's targets.

    >>> is_target("gfx90a"), is_target("gfx90a:sramecc+:xnack-"), is_target("MI300X")
    (True, True, False)
    """
    return _TARGET.fullmatch(text) is not None


def targets_by_names(fs: Rootfs, torch: str) -> tuple[str, ...]:
    """Return the targets that torch's copies of rocBLAS and hipBLASLt have files for; empty where none is listed."""
    return tuple(sorted(set(islice(_by_names(fs, torch), MAX_TARGETS))))


def _by_names(fs: Rootfs, torch: str) -> Iterator[str]:
    seen: set[str] = set()
    for folder in _FOLDERS:
        children = list_dir(fs, f"{torch}/{folder}")
        for name in islice(children, MAX_NAMES) if is_listed(children) else ():
            new = set(_IN_NAME.findall(name)) - seen
            seen |= new
            yield from new


def predict_amd(image: ImageGpu, host: Host, target: str) -> Prediction:
    """Return what would happen on a GPU of AMD's."""
    for decided in (image.build, image.architectures):
        if isinstance(decided, Unknown):
            return undecided("build" if decided is image.build else "code", decided.unknown)
    if image.build != "rocm":
        reason = f"torch is built for {label_of(str(image.build))}, not ROCm"
        return fails("build", reason, "install a ROCm build of torch")
    return (
        _hidden(image.environment, len(host.gpus))
        or _driver(image.hip, host.driver)
        or _code(image.environment, tuple(image.architectures), target)  # type: ignore[arg-type]
    )


def _hidden(environment: Mapping[str, str], count: int) -> Prediction | None:
    """Return why no GPU is seen: the runtime below HIP hides first, and HIP chooses of what is left."""
    change = "remove the variable from the image"
    rocr = environment.get("ROCR_VISIBLE_DEVICES")
    name = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environment else "CUDA_VISIBLE_DEVICES"
    hip = environment.get(name)
    if rocr is not None and "HIP_VISIBLE_DEVICES" in environment and hip and hip.count(",") > rocr.count(","):
        reason = f"HIP_VISIBLE_DEVICES={hip} names more devices than ROCR_VISIBLE_DEVICES={rocr}, which torch refuses"
        return fails("hidden", reason, change, available=None)
    for variable, value in (("ROCR_VISIBLE_DEVICES", rocr), (name, hip)):
        left = visible(value, count).positions
        if left is None:
            return undecided("hidden", f"{variable}={value} names GPUs by UUID", change)
        if not left:
            return fails("hidden", f"every GPU is hidden: {variable} is {value!r}", change)
        count = len(left)
    return None


def _driver(hip: str | None, driver: str) -> Prediction | None:
    """Return what is not known of a driver; None for one that AMD supports with this release of ROCm."""
    mine, hosts = _release(hip or ""), _release(driver)
    change = "state the ROCm release of the host's driver in the profile, such as 6.4"
    if mine is None or hosts is None:
        return undecided(
            "driver", f"torch is for ROCm {hip or 'of no known release'}, the driver is {driver!r}", change
        )
    if mine not in RELEASES or hosts not in RELEASES:
        reason = f"which drivers ROCm {mine[0]}.{mine[1]} works with is not known here: {driver} is on the host"
        return None if mine == hosts else undecided("driver", reason)
    if abs(RELEASES.index(mine) - RELEASES.index(hosts)) <= APART:
        return None
    reason = f"torch's ROCm {mine[0]}.{mine[1]} and the driver of ROCm {driver} lie more than {APART} releases apart"
    return undecided("driver", f"{reason}, which AMD does not support", "use a driver of a nearer release")


def _release(text: str) -> tuple[int, int] | None:
    found = _RELEASE.match(text)
    return (int(found[1]), int(found[2])) if found else None


def _code(environment: Mapping[str, str], built: tuple[str, ...], target: str) -> Prediction:
    """Return whether torch has kernels for a target: there are none that run on another, but generic ones."""
    override = environment.get(_OVERRIDE)
    if override is not None:
        reason = f"{_OVERRIDE}={override} makes every GPU pass for another: it may work, or end the program"
        return undecided("code", reason, f"remove {_OVERRIDE}, and install a torch that was built for {target}")
    if not built:
        return undecided("code", "torch's list of targets is not known")
    if target in built:
        return Prediction("works", "works", f"ROCm works on {target}", available=True)
    base = target.partition(":")[0]
    alike = [each for each in built if each.partition(":")[0] == base or each.endswith("-generic")]
    change = f"install a torch that was built for {target}"
    if alike:
        return undecided("code", f"torch has kernels for {', '.join(alike)}, some of which may run on {target}", change)
    reason = f"torch has no kernels for {target}, only {', '.join(built)}"
    return fails("code", reason, change, available=None)


def line(image: ImageGpu) -> str:
    """Return a line for people: the release of ROCm, and the targets that there are kernels for.

    >>> line(ImageGpu(build="rocm", hip="6.4.43482-0f2d60242", architectures=("gfx90a", "gfx942")))
    'ROCm 6.4: gfx90a, gfx942'
    """
    release = _release(image.hip or "")
    named = f"ROCm {release[0]}.{release[1]}" if release else "ROCm"
    built = image.architectures
    if isinstance(built, Unknown):
        return f"{named}: GPUs unknown: {built.unknown}"
    return f"{named}: {', '.join(built) or 'GPUs unknown'}"
