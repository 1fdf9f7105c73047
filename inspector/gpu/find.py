"""What an image says about GPUs, found by its torch, its files and its environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from inspector.elf import Skeleton
from inspector.elf.kernels import LIBRARIES
from inspector.errors import LimitExceeded, NotFound
from inspector.gpu import drivers
from inspector.gpu.compat import FOLDER, Compat, note_of, version_of
from inspector.gpu.image import ASKED, NOT_LOOKED, Forced, ImageGpu, Kernels, Runtime
from inspector.gpu.requirements import is_legacy
from inspector.oci import ImageConfig
from inspector.python.files import find, is_listed, names_in
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.rootfs import Kind, Node, NotKept, Rootfs, resolve
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

MAX_FOLDERS = 256
"""Folders of LD_LIBRARY_PATH that are looked into."""
MAX_NAMES = 100_000
"""Names of one folder that are looked at."""
MAX_FOUND = 64
"""Files of a driver that are listed."""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu", "/lib64", "/lib", "/usr/local/lib", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib",
    "/usr/lib/wsl/lib",
)  # fmt: skip
"""Where distributions and NVIDIA's toolkit put a driver's libraries."""
_USUAL = 3
"""The first of these, where each takes a question."""
_PROGRAMS = ("/usr/bin/nvidia-smi", "/usr/local/nvidia/bin/nvidia-smi")
_LIBRARY = re.compile(r"lib(?:cuda|nvidia-ml|nvidia-ptxjitcompiler)\.so[.0-9]{0,40}", re.ASCII)
_BY_NAME = ("libcuda.so.1", "libnvidia-ml.so.1")
"""What is asked for by name where folders are not listed."""
_CUDART = re.compile(r"libcudart\.so\.(\d{1,4})(?:\.\d{1,9})*", re.ASCII)
_TOKENS = ("$ORIGIN", "${ORIGIN}", "$LIB", "${LIB}", "$PLATFORM", "${PLATFORM}")
"""What a loader replaces in a folder of LD_LIBRARY_PATH (ld.so(8))."""


def find_gpu(
    fs: Rootfs,
    config: ImageConfig,
    torch: Torch,
    distributions: Iterable[Distribution] | Unknown,
    architecture: str = "amd64",
) -> ImageGpu | None:
    """Return what decides whether `torch` works on a GPU; None where there is no torch, or one for the CPU alone.

    `architecture` is that of the image, in the words of OCI.
    """
    environment = {name: value for name, value in config.env.items() if name.startswith(ASKED)}
    stated = ImageGpu(
        build=_build(torch),
        architecture=_MACHINES.get(architecture, architecture),
        legacy=is_legacy(environment),
        environment=environment,
    )
    if not torch.installed:
        return stated if torch.importable == "unknown" else None
    return None if torch.build == "cpu" else _with_files(fs, config, torch, distributions, stated)


def _with_files(
    fs: Rootfs, config: ImageConfig, torch: Torch, distributions: Iterable[Distribution] | Unknown, stated: ImageGpu
) -> ImageGpu:
    """Return what the image's files tell besides; where single files are asked for, each question counts."""
    is_cuda = torch.build == "cuda"
    runtime = _runtime(fs, torch, () if isinstance(distributions, Unknown) else distributions) if is_cuda else Runtime()
    cuda = _cuda(torch, runtime) if is_cuda else None
    baked = list(_driver_files(fs))
    return msgspec.structs.replace(
        stated,
        cuda=cuda,
        hip=torch.hip,
        architectures=() if torch.build == "xpu" else _architectures(fs, torch),
        kernels=_unlooked(distributions) if is_cuda else (),
        missing=_missing_of_xpu(fs) if torch.build == "xpu" else (),
        linalg=_stated(fs, torch, "libtorch_cuda_linalg.so"),
        runtime=runtime,
        min_driver=drivers.minimum_driver(cuda) if isinstance(cuda, str) else None,
        compat=tuple(_compat(fs)),
        baked=tuple(path for path, node in baked if node.kind is Kind.SYMLINK or node.size)[:MAX_FOUND],
        leftovers=tuple(path for path, node in baked if node.kind is Kind.FILE and not node.size)[:MAX_FOUND],
        forced=_forced(fs, config),
    )


def _missing_of_xpu(fs: Rootfs) -> tuple[str, ...]:
    from inspector.gpu.xpu import missing_libraries  # for its builds alone

    return missing_libraries(fs)


def _unlooked(distributions: Iterable[Distribution] | Unknown) -> tuple[Kernels, ...] | Unknown:
    """Return the other packages with kernels, by their names alone."""
    if isinstance(distributions, Unknown):
        return distributions
    known = {canonical(each.name): each for each in distributions}
    return tuple(
        Kernels(distribution=each.name, version=each.version, architectures=Unknown(NOT_LOOKED), reason=NOT_LOOKED)
        for name, each in known.items()
        if name in LIBRARIES
    )


def _build(torch: Torch) -> str | Unknown:
    if torch.installed and torch.build != "unknown":
        return torch.build
    told = "; ".join(torch.reasons)
    return Unknown(told or f"it is not known {'which build torch is' if torch.installed else 'whether torch is there'}")


def _architectures(fs: Rootfs, torch: Torch) -> tuple[str, ...] | Unknown:
    """Return what `torch.cuda.get_arch_list()` would, where torch's kernels don't say otherwise.

    The kernels answer where the list can't be read.
    """
    listed = _stated(fs, torch, "libtorch_python.so")
    built = _stated(fs, torch, "libtorch_cuda.so") or _stated(fs, torch, "libtorch_cuda_cu.so")
    if isinstance(built, tuple) and isinstance(listed, tuple) and {*built} != {*listed}:
        differs = f"torch's own list has {', '.join(listed)}, and its kernels are for {', '.join(built)}"
        return Unknown(f"{differs}: it is not a build of PyTorch's")
    if isinstance(listed, tuple):
        return listed
    if torch.build == "rocm" and torch.path:
        from inspector.gpu.rocm import targets_by_names  # for its builds alone

        if named := targets_by_names(fs, torch.path):
            return named
    return built if isinstance(built, tuple) else listed or Unknown("torch has no list of architectures")


def _stated(fs: Rootfs, torch: Torch, library: str) -> tuple[str, ...] | Unknown | None:
    """Return the architectures that a library of torch states; None where there is none, or it states none."""
    found = find(fs, f"{torch.path}/lib/{library}") if torch.path else None
    if found is None:
        return None
    try:
        listed = fs.listed(found[0])
    except (NotKept, NotFound) as error:
        return Unknown(str(error))
    return Unknown(f"{found[0]!r}: {listed.cut}") if listed.cut else listed.architectures or None


def _cuda(torch: Torch, runtime: Runtime) -> str | Unknown:
    """Return the version of CUDA; not known where torch's libraries need the runtime of another."""
    if torch.cuda is None:
        return Unknown("torch/version.py does not state the version of CUDA")
    found = _CUDART.fullmatch(runtime.soname or "")
    if found is not None and found[1] != torch.cuda.split(".")[0]:
        return Unknown(f"torch/version.py states CUDA {torch.cuda}, and torch's libraries need {runtime.soname}")
    return torch.cuda


def _runtime(fs: Rootfs, torch: Torch, distributions: Iterable[Distribution]) -> Runtime:
    soname = next(_sonames(fs, torch.path), None) if torch.path else None
    major = (torch.cuda or "").split(".")[0]
    names = ("nvidia-cuda-runtime", f"nvidia-cuda-runtime-cu{major}")
    found = next((each for each in distributions if each.name.lower().replace("_", "-") in names), None)
    if found is None:
        return Runtime(soname=soname)
    return Runtime(soname=soname, distribution=found.name, version=found.version)


def _sonames(fs: Rootfs, path: str) -> Iterator[str]:
    """Yield the names of CUDA runtimes that torch's libraries need."""
    for library in ("libc10_cuda.so", "libtorch_cuda.so"):
        found = find(fs, f"{path}/lib/{library}")
        try:
            skeleton = fs.skeleton(found[0]) if found else None
        except (NotKept, NotFound):
            continue
        if isinstance(skeleton, Skeleton):
            yield from (each for each in skeleton.needed if _CUDART.fullmatch(each))


def _compat(fs: Rootfs) -> Iterator[Compat]:
    """Yield what the toolkit finds: the regular files in its folder."""
    folder = resolve(fs, FOLDER)
    children = {} if folder is None else fs.scandir(folder)
    names: dict[str, None] = {}
    for name in islice(names_in(children, ["libcuda.so.1"]), MAX_NAMES):
        node = children.get(name)
        # A link names the file where folders are not listed.
        is_link = node is not None and node.kind is Kind.SYMLINK
        names[node.target.rpartition("/")[2] if node is not None and is_link else name] = None
    for name in names:
        node, version = children.get(name), version_of(name)
        if node is not None and node.kind is Kind.FILE and version is not None:
            yield _with_note(fs, f"{folder}/{name}", version)


def _with_note(fs: Rootfs, path: str, version: str) -> Compat:
    try:
        return Compat(path, version, note_of(fs.head(path)))
    except (NotKept, ValueError) as error:
        return Compat(path, version, unread=str(error))


def _driver_files(fs: Rootfs) -> Iterator[tuple[str, Node]]:
    """Yield the files that only a host should bring, outside the folders of compat libraries and stubs."""
    wanted = _FOLDERS if is_listed(fs.scandir("/")) else _FOLDERS[:_USUAL]
    folders = {real: None for each in wanted if (real := resolve(fs, each)) is not None}
    for folder in folders:
        children = fs.scandir(folder)
        for name in islice(names_in(children, _BY_NAME), MAX_NAMES):
            if _LIBRARY.fullmatch(name) and (node := children.get(name)) is not None:
                yield f"{folder}/{name}", node
    for path in _PROGRAMS:
        found = find(fs, path)
        if found is not None:
            yield found


def _forced(fs: Rootfs, config: ImageConfig) -> Forced | None:
    """Return the `libcuda.so.1` that LD_LIBRARY_PATH leads to first, as ld.so(8) goes through it."""
    value = config.env.get("LD_LIBRARY_PATH", "")
    folders = re.split("[:;]", value) if value else []
    for at, folder in enumerate(folders):
        path = f"{folder.rstrip('/') or '/' if folder else '.'}/libcuda.so.1"
        if at >= MAX_FOLDERS or any(token in folder for token in _TOKENS):
            return Forced(path)
        try:
            real = resolve(fs, path, config.working_dir)
        except LimitExceeded:
            return Forced(path)
        if real is not None:
            return Forced(path, version_of(real.rpartition("/")[2]), stub="/stubs/" in real)
    return None
