"""Whether torch's CUDA comes up with the libcuda that a container has, and holds code for the GPU."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.gpu import drivers
from inspector.gpu.code import runs_on
from inspector.gpu.compat import Compat, chosen, is_used, version_of
from inspector.gpu.hosts import numbers
from inspector.gpu.image import Forced
from inspector.gpu.models import capability_text
from inspector.gpu.prediction import Case, Prediction, fails, undecided
from inspector.gpu.versions import compare
from inspector.torchbuild.kinds import label_of
from inspector.unknown import Unknown
from inspector.words import first_few

WORKSTATIONS = frozenset({1, 12, 13})
"""NVML's codes of brands that workstation GPUs have: Quadro, Quadro RTX, NVIDIA RTX."""
INSTALL = "install a CUDA build of torch"
_FORCED_PTX = "CUDA_FORCE_PTX_JIT"
"""With 1, torch computed nothing on an H100."""
_NO_COMPAT = "remove /usr/local/cuda*/compat from the image"


def computes(case: Case) -> Prediction:
    """Return what torch would say and do, once the container runs and sees the GPU."""
    image = case.image
    for decided in (image.build, image.cuda):
        if isinstance(decided, Unknown):
            return undecided("build", decided.unknown)
    if image.build == "unknown" or (image.build == "cuda" and not isinstance(image.cuda, str)):
        return undecided("build", "the build of torch, or its CUDA version, is not known")
    if image.build != "cuda" or not isinstance(image.cuda, str):
        return fails("build", f"torch is built for {label_of(str(image.build))}, not CUDA", INSTALL)
    compat = chosen(image.compat)
    toolkit = numbers(case.host.toolkit)
    used = is_used(compat, case.host.driver, case.mode, toolkit) if compat is not None else False
    answers = [_with_library(case, image.cuda, each) for each in _libraries(compat, used=used)]
    if len({each.verdict for each in answers}) == 1:
        return _beside_baked(case, answers[0])
    return undecided("library", f"the version of the container toolkit decides: {answers[-1].reason}")


def _beside_baked(case: Case, found: Prediction) -> Prediction:
    """Return the prediction with what driver files in the image may do to it, which only a host should bring."""
    baked = case.image.baked
    if found.verdict != "works" or not baked:
        return found
    names = {version_of(path.rpartition("/")[2]): path for path in baked}
    newer = next((path for version, path in names.items() if version and compare(version, case.host.driver) == 1), None)
    if newer is not None:
        reason = f"{newer} is newer than the host's driver {case.host.driver}, and may be used in its place (error 803)"
        return undecided("library", reason, f"remove {newer} from the image")._replace(path=newer)
    refused = ", or refuse the start (`file exists`)" if case.mode == "legacy" else ""
    note = f"{first_few(baked, 1)}: files of a driver in the image may clash with the host's{refused}: remove them"
    return found._replace(notes=(*found.notes, note), path=baked[0])


def _libraries(compat: Compat | None, *, used: bool | None) -> Iterator[Compat | None]:
    if used is not True:
        yield None
    if used is not False:
        yield compat


def _with_library(case: Case, cuda: str, compat: Compat | None) -> Prediction:
    forced = case.image.forced
    if forced is not None:
        broken = _forced(case, forced)
        if broken is not None:
            return broken
        compat = Compat(forced.path, forced.version or "?")
    if compat is None or compare(compat.version, case.host.driver) == 0:
        return _with_driver(case, cuda, case.host.driver)
    return _with_compat(case, cuda, compat)._replace(path=compat.path)


def _with_compat(case: Case, cuda: str, compat: Compat) -> Prediction:
    """Return what happens with a libcuda of another version than the host's, which some GPUs allow."""
    reason = f"{compat.path} is used in place of the host's libcuda"
    if compare(compat.version, case.host.driver) != 1:
        return undecided("library", f"{reason}, {case.host.driver}, and is older", _NO_COMPAT)
    if drivers.drives(compat.version, case.gpu.capability) is False:
        return fails("library", f"{reason}, and does not drive {case.gpu.name}", _NO_COMPAT)
    if case.gpu.kind is None:
        return undecided("library", f"{reason}, which only some GPUs allow", "name the GPU's model in the profile")
    if case.gpu.kind == "geforce":
        return fails("library", f"error 804: {reason}, which {case.gpu.name} does not allow", _NO_COMPAT)
    if case.gpu.kind == "workstation" and not (compat.note and WORKSTATIONS & {*compat.note.device}):
        return undecided("library", f"{reason}, which only some workstation GPUs allow", _NO_COMPAT)
    return _with_driver(case, cuda, compat.version)


def _forced(case: Case, forced: Forced) -> Prediction | None:
    """Return what the libcuda does that LD_LIBRARY_PATH puts before the host's; None where it is new enough."""
    change = "remove the folder from LD_LIBRARY_PATH"
    if forced.stub:
        return fails("library", f"error 34: {forced.path} is a stub", change)._replace(path=forced.path)
    order = compare(forced.version or "?", case.host.driver)
    if order is None:
        reason = f"LD_LIBRARY_PATH puts {forced.path} before the host's libcuda"
        return undecided("library", reason, change)._replace(path=forced.path)
    if order >= 0:
        return None
    reason = f"error 803: LD_LIBRARY_PATH puts {forced.path}, of driver {forced.version}, before that of the host"
    return fails("library", f"{reason}, {case.host.driver}", change)._replace(path=forced.path)


def _with_driver(case: Case, cuda: str, driver: str) -> Prediction:
    up = drivers.comes_up(cuda, driver)
    if up is None:
        least = drivers.minimum_driver(cuda)
        if least is None:
            return undecided("driver", f"it is not known which driver CUDA {cuda} wants")
        change = "state the whole version of the driver in the profile"
        return undecided("driver", f"CUDA {cuda} wants driver {least} or newer, which {driver} may be or not", change)
    if up:
        return _with_code(case, cuda)
    reason = f"driver {driver} has CUDA {drivers.cuda_of(driver)}, too old for {cuda}"
    change = f"use driver {drivers.minimum_driver(cuda)} or newer, or install torch for an older CUDA"
    found = fails("driver", reason, change)
    if case.image.environment.get("PYTORCH_NVML_BASED_CUDA_CHECK") != "1":
        return found
    trap = "PYTORCH_NVML_BASED_CUDA_CHECK=1: is_available() says True all the same, and the first use fails"
    return found._replace(available=True, notes=(trap,))


def _with_code(case: Case, cuda: str) -> Prediction:
    built = case.image.architectures
    if isinstance(built, Unknown):
        return undecided("code", built.unknown, available=True)
    forced = case.image.environment.get(_FORCED_PTX, "0")
    if forced not in ("", "0"):
        reason = f"{_FORCED_PTX}={forced}: no machine code is used, and libraries of CUDA hold nothing else"
        tell = fails if forced == "1" else undecided
        return tell("code", reason, f"remove {_FORCED_PTX} from the image", available=True)
    capability = capability_text(case.gpu.capability)
    answer = runs_on(capability, built, cuda)
    if answer == "yes":
        works = Prediction("works", "works", f"CUDA {cuda} works on {case.gpu.name}", available=True)
        return works._replace(notes=tuple(_of_linalg(case, cuda, capability)))
    reason = f"torch has no kernels for {case.gpu.name} ({capability}), only {', '.join(built)}"
    change = "install a torch that was built for it"
    if answer == "no":
        return fails("code", f"{reason}; is_available() says True, and kernels fail", change, available=True)
    return undecided("code", f"{reason}, some of which may run there", change, available=True)


def _of_linalg(case: Case, cuda: str, capability: str) -> Iterator[str]:
    """Yield a note where MAGMA, which has a list of its own, holds no code for the GPU."""
    built = case.image.linalg
    if isinstance(built, tuple) and built and runs_on(capability, built, cuda) == "no":
        yield f"functions of torch.linalg that use MAGMA have no kernels for {case.gpu.name} ({capability})"
