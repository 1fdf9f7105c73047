"""Packages with kernels of their own: what they were built for, by their files and by what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import NamedTuple

from inspector.elf import Skeleton, Source
from inspector.elf.dynamic import Damaged
from inspector.elf.fatbin import Architectures, read_fatbins
from inspector.elf.source import Absent
from inspector.errors import InspectorError
from inspector.gpu.image import Kernels
from inspector.python.installed import Installed
from inspector.rootfs import Kind, NotKept, Rootfs
from inspector.torchbuild.extensions import Tried
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

Open = Callable[[str], AbstractContextManager[Source]]
"""Opens a regular file of the image to be read at random. Raises `NotKept`."""
MAX_LIBRARIES = 32
"""Libraries of one package that are looked into; vllm has about ten."""
MAX_FOLDERS = 200
MAX_TEXT = 64 << 10
NOT_SOUGHT = "kernels are looked for only where a layer can be sought in: in its plain tar, or an engine's storage"


class _Package(NamedTuple):
    """Where a package keeps the libraries with kernels, by the path below site-packages."""

    folder: str
    libraries: str


_PACKAGES = {
    "torchvision": _Package("torchvision", r"torchvision/_C[^/]*\.so"),
    "torchaudio": _Package("torchaudio", r"torchaudio/(?:lib/)?[^/]+\.so"),
    "xformers": _Package("xformers", r"xformers/(?:[^/]+/)?_C[^/]*\.so"),
    "bitsandbytes": _Package("bitsandbytes", r"bitsandbytes/libbitsandbytes_cuda\d+\.so"),
    "flash-attn": _Package("flash_attn", r"flash_attn[^/]*_cuda[^/]*\.so"),
    "flash-attn-3": _Package("flash_attn_3", r"flash_attn_3/_C[^/]*\.so"),
    "vllm": _Package("vllm", r"vllm/(?:[^/]+/)?[^/]+\.so"),
}
_CUDART = re.compile(r"libcudart(?:[.-][0-9a-f]{6,40})?\.so\.(\d{1,3})(?:\.\d{1,9})*", re.ASCII)
_PINNED = re.compile(r"torch\s{0,9}\(?\s{0,9}==\s{0,9}([0-9][\w.+]{0,40})(?![\w.+*])", re.ASCII)
_LOCAL = re.compile(r"__version__\s{0,9}=\s{0,9}['\"]([\w.]{1,40})\+cu(\d{2,3})(\d)['\"]", re.ASCII)
_WHEEL = re.compile(r"(?:\+|%2[Bb])cu(\d{2})(\d?)torch(\d{1,3}\.\d{1,3})", re.ASCII)


def find_kernels(
    fs: Rootfs, installed: Iterable[Installed], torch: Torch, tried: Tried | None, opened: Open | None
) -> tuple[Kernels, ...]:
    """Find the packages with kernels beside a torch for CUDA; without `opened`, their files are not looked into."""
    if torch.build != "cuda" or not torch.installed:
        return ()
    found = ((each, _PACKAGES[each.key]) for each in installed if each.key in _PACKAGES)
    return tuple(_Reading(fs, each, package, torch, opened).kernels(tried) for each, package in found)


class _Reading:
    """One package that is looked at."""

    def __init__(self, fs: Rootfs, installed: Installed, package: _Package, torch: Torch, opened: Open | None) -> None:
        self._fs = fs
        self._installed = installed
        self._package = package
        self._torch = torch
        self._opened = opened

    def kernels(self, tried: Tried | None) -> Kernels:
        libraries = list(islice(self._libraries(), MAX_LIBRARIES))
        stated = self._stated()
        broken, undecided = self._failing(tried)
        if self._installed.key == "bitsandbytes":
            libraries, broken = self._for_torch(libraries)
        architectures, others = self._architectures(libraries)
        return Kernels(
            distribution=self._installed.name,
            version=self._installed.version,
            torch=stated.get("torch") or self._pinned(),
            cuda=stated.get("cuda") or self._cudart(libraries),
            architectures=architectures,
            others=others,
            fits="no" if broken else "unknown" if undecided else "yes",
            reason=broken or undecided,
        )

    def _libraries(self) -> Iterator[str]:
        site, package = self._installed.site, self._package
        pattern = re.compile(package.libraries, re.ASCII)
        inside = package.libraries.startswith(f"{package.folder}/")
        for folder in _with_folders(self._fs, f"{site}/{package.folder}") if inside else [site]:
            for name, node in sorted(self._fs.scandir(folder).items()):
                path = f"{folder}/{name}"
                if node.kind is Kind.FILE and pattern.fullmatch(path[len(site) + 1 :]):
                    yield path

    def _failing(self, tried: Tried | None) -> tuple[str, str]:
        """Say why a library can't load, and why it can't be told of one; empty where neither is so."""
        if tried is None:
            return "", "whether its libraries load beside this torch was not tried"
        mine = re.compile(rf".*-packages/{self._package.libraries}(?::.*)?", re.ASCII | re.DOTALL)
        broken = next((each.reason for each in tried.broken if mine.fullmatch(each.path)), "")
        undecided = next((text for text in tried.undecided if mine.fullmatch(text) or ".so: " not in text), "")
        return broken, undecided

    def _for_torch(self, libraries: list[str]) -> tuple[list[str], str]:
        """Return the one library of many that is for torch's CUDA, and why there is none."""
        digits = (self._torch.cuda or "").replace(".", "")
        fitting = [path for path in libraries if path.endswith(f"cuda{digits}.so")]
        others = ", ".join(re.findall(r"cuda(\d+)\.so", " ".join(libraries)))
        return fitting, "" if fitting else f"it has no library for CUDA {self._torch.cuda}, only for {others or 'none'}"

    def _architectures(self, libraries: Sequence[str]) -> tuple[Architectures | Unknown, Architectures]:
        """Return the list that most containers have, and what others have besides."""
        counts: Counter[Architectures] = Counter()
        for path in libraries:
            if self._opened is None:
                return Unknown(NOT_SOUGHT), ()
            try:
                with self._opened(path) as source:
                    found = read_fatbins(source)
            except (Damaged, Absent, NotKept) as error:
                return Unknown(f"{path!r}: {str(error) or 'it was not kept'}"), ()
            if found is not None and found.cut:
                return Unknown(f"{path!r}: {found.cut}"), ()
            counts.update(found.lists if found else {})
        if not counts:
            return (), ()
        most = max(counts, key=lambda each: (counts[each], len(each), each))
        return _ordered(most), _ordered(set().union(*counts) - set(most))

    def _cudart(self, libraries: Sequence[str]) -> str | None:
        """Return the major version of CUDA whose runtime a library needs."""
        for path in libraries:
            try:
                skeleton = self._fs.skeleton(path)
            except InspectorError:
                continue
            needed = skeleton.needed if isinstance(skeleton, Skeleton) else ()
            for name in needed:
                if found := _CUDART.fullmatch(name):
                    return found[1]
        return None

    def _pinned(self) -> str | None:
        """Return the one version of torch that the metadata asks for."""
        found = (_PINNED.match(text) for text in self._installed.requires)
        return next((each[1] for each in found if each), None)

    def _stated(self) -> Mapping[str, str]:
        """Return the `torch` and the `cuda` that a package says it was built for."""
        folder = f"{self._installed.site}/{self._package.folder}"
        match self._installed.key:
            case "torchvision" | "torchaudio":
                found = _LOCAL.search(self._text(f"{folder}/version.py"))
                return {"cuda": f"{found[2]}.{found[3]}"} if found else {}
            case "xformers":
                return _of_xformers(self._text(f"{folder}/cpp_lib.json"))
            case "flash-attn":
                wheel = _WHEEL.search(self._kept(f"{self._installed.path}/direct_url.json"))
                return {"cuda": f"{wheel[1]}.{wheel[2]}".rstrip("."), "torch": wheel[3]} if wheel else {}
            case _:
                return {}

    def _text(self, path: str) -> str:
        if self._opened is None:
            return self._kept(path)
        with contextlib.suppress(InspectorError, Absent), self._opened(path) as source:
            return source.read_at(0, min(source.size, MAX_TEXT)).decode("utf-8", "replace")
        return ""

    def _kept(self, path: str) -> str:
        with contextlib.suppress(InspectorError):
            return self._fs.read(path)[:MAX_TEXT].decode("utf-8", "replace")
        return ""


def _with_folders(fs: Rootfs, folder: str) -> list[str]:
    """Return a folder and those in it."""
    children = fs.scandir(folder).items()
    inside = sorted(f"{folder}/{name}" for name, node in children if node.kind is Kind.DIRECTORY)
    return [folder, *inside[:MAX_FOLDERS]]


def _ordered(architectures: Iterable[str]) -> Architectures:
    """Sort architectures by number, machine code before PTX."""
    return tuple(sorted(architectures, key=lambda each: (each.startswith("compute"), len(each.rstrip("af")), each)))


def _of_xformers(text: str) -> Mapping[str, str]:
    try:
        stated = json.loads(text)["version"]
        cuda = int(stated["cuda"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"torch": str(stated.get("torch", ""))[:40], "cuda": f"{cuda // 100}.{cuda % 100}"} if cuda > 0 else {}
