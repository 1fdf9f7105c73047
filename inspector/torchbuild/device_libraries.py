"""Whether the libraries are there that torch's metadata says it needs from distributions of the devices' makers.

Files and metadata only: what the loader would do with a library that lies elsewhere is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.kinds import CUDA, kind_of
from inspector.torchbuild.version_file import VersionFile

_LIBRARIES = {
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
_NUMBERED = frozenset({"libcudart", "libcublas", "libcublasLt"})
"""Libraries whose number is CUDA's own."""
_APART = frozenset({"cudnn", "cusparselt", "nccl", "nvshmem"})
_SONAMES = {
    "libcudnn": ("9", "8"),
    "libcufft": ("12", "11", "10"),
    "libcufile": ("0",),
    "libcupti": ("13", "12", "11.8", "11.7"),
    "libcurand": ("10",),
    "libcusparse": ("12", "11"),
    "libcusparseLt": ("0",),
    "libnccl": ("2",),
    "libnvrtc": ("13", "12", "11.2"),
    "libnvshmem_host": ("3",),
}
"""The numbers that libraries end in which are not, or not always, CUDA's own."""
_NAME = re.compile(r"nvidia-([a-z0-9-]+?)(?:-cu\d+)?")


def check_cuda_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """Each library that the metadata asks for lies where its wheel puts it, or at least somewhere."""
    if torch.build != CUDA.name:
        return
    needed = _needed(torch)
    if torch.requirements.cut:
        yield Diagnostic("unknown", f"not all that torch requires is known: {torch.requirements.cut}")
    if not torch.survey.whole:
        yield from _check_by_name(torch, needed)
        return
    if not needed and not torch.survey.cuda.get("libcudart"):
        yield Diagnostic(
            "unknown", "no library libcudart is in the image, and no metadata says where torch has it from"
        )
    for part in sorted(needed):
        for stem in _LIBRARIES[part]:
            yield from _check(torch, part, stem)


def check_vendor_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """What builds for other makers' devices require of these makers' distributions is installed."""
    kind = kind_of(torch.build)
    if kind is None or not kind.vendors or torch.distribution is None:
        return
    needed = torch.requirements.closure([torch.distribution]).keys() - torch.requirements.by_key.keys()
    gone = sorted(name for name in needed if name.startswith(kind.vendors))
    if torch.requirements.cut:
        yield Diagnostic("unknown", f"not all that torch requires is known: {torch.requirements.cut}")
    if gone:
        yield Diagnostic("unknown", f"of what torch requires is not installed: {some(gone)}")


def _needed(torch: Candidate) -> set[str]:
    """The parts of CUDA that torch's requirements name for this platform, installed or not."""
    if torch.distribution is None:
        return set()
    names = set(torch.requirements.closure([torch.distribution]))
    parts = {match[1] for name in names if (match := _NAME.fullmatch(name))}
    for name, extras in torch.requirements.of(torch.distribution):
        if name == "cuda-toolkit":
            parts |= {_BY_EXTRA.get(extra, extra) for extra in extras}
    return parts & _LIBRARIES.keys()


def _check(torch: Candidate, part: str, stem: str) -> Iterator[Diagnostic]:
    places = [path for path in torch.survey.cuda.get(stem, ()) if _fits(torch, stem, path)]
    if not places:
        known = part in _ALWAYS or torch.since(2, 11)
        yield Diagnostic(
            "no" if known else "unknown", f"{_shown(torch, stem)} is nowhere in the image, which torch needs"
        )
    elif not any(_is_packaged(torch, path) for path in places):
        yield Diagnostic(
            "unknown",
            f"{_shown(torch, stem)} is not where a wheel puts it, only at {places[0]!r}: "
            "whether the loader finds it there is not decided",
        )


def _check_by_name(torch: Candidate, needed: set[str]) -> Iterator[Diagnostic]:
    """Each library is where its wheel puts it, beside torch, by a name that it has had for torch's CUDA."""
    if not needed:
        yield Diagnostic("unknown", "no metadata says where torch has CUDA's libraries from")
    stems = [(part, stem) for part in sorted(needed) for stem in _LIBRARIES[part]]
    gone = [_shown(torch, stem) for part, stem in stems if not _is_beside(torch, part, stem)]
    if gone:
        yield Diagnostic(
            "unknown", f"of the libraries that torch needs some are not where wheels put them: {some(gone)}"
        )


def _is_beside(torch: Candidate, part: str, stem: str) -> bool:
    site, number = torch.path.rpartition("/")[0], _number(torch) or ""
    folders = [part.replace("-", "_"), f"cu{number}"]  # from 13 on, only what is no part of CUDA has its own
    if part not in _APART and number >= "13":
        folders.reverse()
    endings = _SONAMES.get(stem) or (number, f"{number}.0")
    paths = (f"{site}/nvidia/{folder}/lib/{stem}.so.{ending}" for folder in folders for ending in endings)
    return any(torch.folders.is_file(path) and _fits(torch, stem, path) for path in paths)


def _fits(torch: Candidate, stem: str, path: str) -> bool:
    """Whether the path leads to a file, of the CUDA version that torch is built for where its name tells that."""
    node = torch.folders.node(path)
    if node is None or node.size == 0:
        return False
    number = _number(torch)
    rest = path.rpartition("/")[2].partition(".so")[2]
    return stem not in _NUMBERED or number is None or rest == "" or re.match(rf"\.{number}(?!\d)", rest) is not None


def _is_packaged(torch: Candidate, path: str) -> bool:
    """Whether torch looks there: in `nvidia` of any entry of the search path, or in torch/lib itself."""
    roots = (torch.folders.at(entry).path for entry in torch.interpreter.search_path)
    homes = [f"{root.rstrip('/')}/nvidia/" for root in roots if root is not None]
    return path.startswith((f"{torch.path}/lib/", *homes))


def _number(torch: Candidate) -> str | None:
    cuda = torch.version.get("cuda") if isinstance(torch.version, VersionFile) else None
    number = (cuda or "").partition(".")[0]
    return number if number.isascii() and number.isdigit() and int(number) > 10 else None


def _shown(torch: Candidate, stem: str) -> str:
    number = _number(torch)
    return f"{stem}.so.{number}" if number and stem in _NUMBERED else f"{stem}.so"
