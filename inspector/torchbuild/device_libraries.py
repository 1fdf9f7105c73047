"""Checks for the libraries that torch's metadata requires from distributions of the devices' makers.

Files and metadata only: what the loader would do with a library that lies elsewhere is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.kinds import CUDA, kind_of
from inspector.torchbuild.version_file import VersionFile

LIBRARIES = {
    "cublas": ("libcublas", "libcublasLt"),
    "cuda-cupti": ("libcupti",),
    "cuda-nvrtc": ("libnvrtc",),
    "cuda-runtime": ("libcudart",),
    "cudnn": ("libcudnn",),
    "cufft": ("libcufft",),
    "cufile": ("libcufile",),
    "curand": ("libcurand",),
    "cusparse": ("libcusparse",),
    "cusparselt": ("libcusparseLt",),
    "nccl": ("libnccl",),
    "nvjitlink": ("libnvJitLink",),
    "nvshmem": ("libnvshmem_host",),
}
"""By the middle of the distribution's name: what `import torch` fails without. cusolver and nvtx are loaded late."""

_ALWAYS = frozenset({"cublas", "cuda-runtime", "cudnn", "cufft", "curand", "cusparse", "nccl"})
"""Those that every CUDA build of 1.13 or later links; the others are known of the builds for CUDA 13."""

_BY_EXTRA = {"cudart": "cuda-runtime", "cupti": "cuda-cupti", "nvrtc": "cuda-nvrtc"}
NUMBERED = frozenset({"libcudart", "libcublas", "libcublasLt"})
"""Libraries whose number is CUDA's own."""
_NAME = re.compile(r"nvidia-([a-z0-9-]+?)(?:-cu\d+)?")


def check_cuda_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that each library that the metadata asks for lies where its wheel puts it, or at least somewhere."""
    if CUDA.name not in torch.builds:
        return
    needed = needed_parts(torch)
    yield from check_requirements(torch)
    if not needed and not torch.survey.cuda.get("libcudart"):
        yield Diagnostic(
            "unknown", "no library libcudart is in the image, and no metadata says where torch has it from"
        )
    for part in sorted(needed):
        for stem in LIBRARIES[part]:
            yield from _check(torch, part, stem)


def check_vendor_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that a build for another maker's devices has the distributions of this maker that it requires."""
    vendors = tuple(vendor for kind in map(kind_of, sorted(torch.builds)) if kind for vendor in kind.vendors)
    if not vendors or torch.distribution is None:
        return
    needed = torch.requirements.closure([torch.distribution]).keys() - torch.requirements.by_key.keys()
    gone = sorted(name for name in needed if name.startswith(vendors))
    yield from check_requirements(torch)
    if gone:
        yield Diagnostic("unknown", f"of what torch requires is not installed: {some(gone)}")


def check_requirements(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that all of torch's requirements were read."""
    if torch.requirements.cut:
        yield Diagnostic("unknown", f"not all that torch requires is known: {torch.requirements.cut}")


def needed_parts(torch: Candidate) -> set[str]:
    """List the parts of CUDA that torch's requirements name for this platform, installed or not."""
    if torch.distribution is None:
        return set()
    names = set(torch.requirements.closure([torch.distribution]))
    parts = {match[1] for name in names if (match := _NAME.fullmatch(name))}
    for name, extras in torch.requirements.of(torch.distribution):
        if name == "cuda-toolkit":
            parts |= {_BY_EXTRA.get(extra, extra) for extra in extras}
    return parts & LIBRARIES.keys()


def _check(torch: Candidate, part: str, stem: str) -> Iterator[Diagnostic]:
    places = [path for path in torch.survey.cuda.get(stem, ()) if fits(torch, stem, path)]
    if not places:
        known = part in _ALWAYS or torch.since(2, 11)
        yield Diagnostic(
            "no" if known else "unknown", f"{show_library(torch, stem)} is nowhere in the image, which torch needs"
        )
    elif not any(_is_packaged(torch, path) for path in places):
        yield Diagnostic(
            "unknown",
            f"{show_library(torch, stem)} is not where a wheel puts it, only at {places[0]!r}: "
            "whether the loader finds it there is not decided",
        )


def fits(torch: Candidate, stem: str, path: str) -> bool:
    """Test whether the path leads to a file, of the CUDA version that torch is built for where its name tells that."""
    node = torch.folders.node(path)
    if node is None or node.size == 0:
        return False
    number = cuda_number(torch)
    rest = path.rpartition("/")[2].partition(".so")[2]
    return stem not in NUMBERED or number is None or rest == "" or re.match(rf"\.{number}(?!\d)", rest) is not None


def _is_packaged(torch: Candidate, path: str) -> bool:
    """Test whether torch looks there: in `nvidia` of any entry of the search path, or in torch/lib itself."""
    roots = (torch.folders.at(entry).path for entry in torch.interpreter.search_path)
    homes = [f"{root.rstrip('/')}/nvidia/" for root in roots if root is not None]
    return path.startswith((f"{torch.path}/lib/", *homes))


def cuda_number(torch: Candidate) -> str | None:
    """Return the major number of torch's CUDA, from 11 on."""
    cuda = torch.version.get("cuda") if isinstance(torch.version, VersionFile) else None
    number = (cuda or "").partition(".")[0]
    return number if number.isascii() and number.isdigit() and int(number) > 10 else None


def show_library(torch: Candidate, stem: str) -> str:
    """Name a library as the loader asks for it: `libcudart.so.13`."""
    number = cuda_number(torch)
    return f"{stem}.so.{number}" if number and stem in NUMBERED else f"{stem}.so"
