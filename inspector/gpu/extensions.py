"""Whether other packages with kernels work on a GPU that torch itself works on."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.gpu.code import runs_on
from inspector.gpu.image import Kernels
from inspector.gpu.models import capability_text
from inspector.gpu.prediction import Case, Prediction, fails
from inspector.unknown import Unknown


def with_extensions(case: Case, found: Prediction) -> Prediction:
    """Return the prediction, unless torch works and a package does not; what is not known of one is noted."""
    if found.verdict != "works":
        return found
    kernels = case.image.kernels
    if isinstance(kernels, Unknown):
        note = f"whether other packages with kernels fit is not known: {kernels.unknown}"
        return found._replace(notes=(*found.notes, note))
    for each in kernels:
        if each.fits == "no":
            reason = f"torch works, but {_named(each)} can't be used: {each.reason}"
            return _fails(each, reason, f"install a build of {each.distribution} for this torch and its CUDA")
        if _runs(case, each) == "no":
            code = ", ".join([*_known(each), *each.others])
            reason = f"torch works, but {_named(each)} has no kernels for {_gpu(case)}, only {code}"
            return _fails(each, reason, f"install a build of {each.distribution} for it")
    return found._replace(notes=(*found.notes, *(note for each in kernels for note in _notes(case, each))))


def _fails(package: Kernels, reason: str, change: str) -> Prediction:
    return fails("extensions", reason, change, available=True)._replace(path=package.path)


def _notes(case: Case, package: Kernels) -> Iterator[str]:
    if package.fits == "unknown":
        yield f"whether {_named(package)} fits this torch is not known: {package.reason}"
    if isinstance(package.architectures, Unknown):
        yield f"for which GPUs {_named(package)} has kernels is not known: {package.architectures.unknown}"
    elif not package.architectures and package.fits == "yes":
        yield f"{_named(package)} has no kernels for GPUs"
    elif package.architectures and _runs(case, package) == "unknown":
        yield f"some of the kernels of {_named(package)} may not run on {_gpu(case)}"


def _runs(case: Case, package: Kernels) -> str:
    """Tell whether the GPU runs the kernels of most containers; "no" only where it runs none of any."""
    known = _known(package)
    if not known:
        return "unknown"
    capability, cuda = capability_text(case.gpu.capability), package.cuda
    if runs_on(capability, known, cuda) == "yes":
        return "yes"
    return "no" if runs_on(capability, (*known, *package.others), cuda) == "no" else "unknown"


def _known(package: Kernels) -> tuple[str, ...]:
    return () if isinstance(package.architectures, Unknown) else package.architectures


def _named(package: Kernels) -> str:
    stated = (("torch", package.torch), ("CUDA", package.cuda))
    built = ", ".join(f"{name} {version}" for name, version in stated if version)
    return f"{package.distribution} {package.version}{f' (built for {built})' if built else ''}"


def _gpu(case: Case) -> str:
    return f"{case.gpu.name} ({capability_text(case.gpu.capability)})"
