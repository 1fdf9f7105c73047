"""Packages with kernels of their own: what they were built for, by their files and by what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from inspector.elf import Skeleton
from inspector.elf.fatbin import Architectures
from inspector.elf.kernels import LIBRARIES, most_and_others
from inspector.errors import InspectorError, NotFound
from inspector.gpu.image import Kernels
from inspector.python.installed import Installed
from inspector.python.requirements import satisfies
from inspector.rootfs import Kind, NotKept, Rootfs
from inspector.torchbuild.extensions import Tried
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

MAX_LIBRARIES = 32
"""Libraries of one package that are looked into; vllm has about ten."""
MAX_FOLDERS = 200
MAX_TEXT = 64 << 10

_FOLDERS = {"flash-attn": "flash_attn", "flash-attn-3": "flash_attn_3"}
"""Packages that are not named like their distributions."""
_CUDART = r"(?a)libcudart(?:[.-][0-9a-f]{6,40})?\.so\.(\d{1,3})(?:\.\d{1,9})*"
_PINNED = r"(?a)torch\s{0,9}\(?\s{0,9}==\s{0,9}([0-9][\w.+]{0,40})(?![\w.+*])"
_TRITON = re.compile(r"triton(?![\w.-])", re.ASCII)
_LOCAL = r"(?a)__version__\s{0,9}=\s{0,9}['\"]([\w.]{1,40})\+cu(\d{2,3})(\d)['\"]"
_WHEEL = r"(?a)(?:\+|%2[Bb])cu(\d{2})(\d?)torch(\d{1,3}\.\d{1,3})"


def find_kernels(fs: Rootfs, installed: Iterable[Installed], torch: Torch, tried: Tried) -> tuple[Kernels, ...]:
    """Find the packages with kernels beside a torch for CUDA; `tried` says which of their libraries load."""
    if torch.build != "cuda" or not torch.installed:
        return ()
    by_key = {each.key: each for each in installed}
    found = (_Reading(fs, each, torch, tried).kernels() for key, each in by_key.items() if key in LIBRARIES)
    return (*found, *_compiler(by_key))


def _compiler(by_key: Mapping[str, Installed]) -> Iterator[Kernels]:
    """Tell of a triton that torch did not ask for; it compiles kernels where it runs, for `torch.compile` alone."""
    torch, triton = by_key.get("torch"), by_key.get("triton")
    wanted = next((text for text in torch.requires if _TRITON.match(text)), None) if torch else None
    if torch is None or triton is None or wanted is None or satisfies(triton.version, wanted):
        return
    reason = f"torch {torch.version} asks for {wanted.partition(';')[0].strip()[:80]}; torch.compile may fail"
    yield Kernels(distribution=triton.name, version=triton.version, reason=reason, path=triton.path)


class _Reading:
    """One package that is looked at."""

    def __init__(self, fs: Rootfs, installed: Installed, torch: Torch, tried: Tried) -> None:
        self._fs = fs
        self._installed = installed
        self._folder = _FOLDERS.get(installed.key, installed.key)
        self._pattern = LIBRARIES[installed.key]
        self._torch = torch
        self._tried = tried

    def kernels(self) -> Kernels:
        libraries = list(islice(self._libraries(), MAX_LIBRARIES))
        stated = self._stated()
        broken, undecided, path = self._failing()
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
            path=path or next(iter(libraries), None),
        )

    def _libraries(self) -> Iterator[str]:
        site = self._installed.site
        pattern = re.compile(self._pattern, re.ASCII)
        inside = self._pattern.startswith(f"{self._folder}/")
        for folder in _with_folders(self._fs, f"{site}/{self._folder}") if inside else [site]:
            for name, node in sorted(self._fs.scandir(folder).items()):
                path = f"{folder}/{name}"
                if node.kind is Kind.FILE and pattern.fullmatch(path[len(site) + 1 :]):
                    yield path

    def _failing(self) -> tuple[str, str, str]:
        """Say why a library can't load, why it can't be told of one, and which can't; empty where none of it is so."""
        # the path of a library of this package, or a sentence that begins with one
        mine = re.compile(rf".*-packages/{self._pattern}(?::.*)?", re.ASCII | re.DOTALL)
        found = ((each.reason, each.path) for each in self._tried.broken if mine.fullmatch(each.path))
        broken, path = next(found, ("", ""))
        if not self._tried.beside_torch:
            return broken, "its libraries were not tried beside this torch", path
        undecided = next((text for text in self._tried.undecided if mine.fullmatch(text) or ".so: " not in text), "")
        return broken, undecided, path

    def _for_torch(self, libraries: list[str]) -> tuple[list[str], str]:
        """Return the one library of many that is for torch's CUDA, and why there is none."""
        digits = (self._torch.cuda or "").replace(".", "")
        fitting = [path for path in libraries if path.endswith(f"cuda{digits}.so")]
        others = ", ".join(re.findall(r"cuda(\d+)\.so", " ".join(libraries)))
        return fitting, "" if fitting else f"it has no library for CUDA {self._torch.cuda}, only for {others or 'none'}"

    def _architectures(self, libraries: Sequence[str]) -> tuple[Architectures | Unknown, Architectures]:
        """Return the list that most libraries have, and what others, or some of their kernels, have besides."""
        lists: Counter[Architectures] = Counter()
        more: set[str] = set()
        for path in libraries:
            try:
                found = self._fs.listed(path)
            except (NotKept, NotFound) as error:
                return Unknown(str(error)), ()
            if found.cut:
                return Unknown(f"{path!r}: {found.cut}"), ()
            more |= {*found.others}
            if found.architectures:
                lists[found.architectures] += 1
        most, others = most_and_others(lists)
        return most, most_and_others({tuple((more | {*others}) - {*most}): 1})[0]

    def _cudart(self, libraries: Sequence[str]) -> str | None:
        """Return the major version of CUDA whose runtime a library needs."""
        for path in libraries:
            try:
                skeleton = self._fs.skeleton(path)
            except InspectorError:
                continue
            needed = skeleton.needed if isinstance(skeleton, Skeleton) else ()
            for name in needed:
                if found := re.fullmatch(_CUDART, name):
                    return found[1]
        return None

    def _pinned(self) -> str | None:
        """Return the one version of torch that the metadata asks for."""
        found = (re.match(_PINNED, text) for text in self._installed.requires)
        return next((each[1] for each in found if each), None)

    def _stated(self) -> Mapping[str, str]:
        """Return the `torch` and the `cuda` that a package says it was built for."""
        folder = f"{self._installed.site}/{self._folder}"
        match self._installed.key:
            case "torchvision" | "torchaudio":
                found = re.search(_LOCAL, self._text(f"{folder}/version.py"))
                return {"cuda": f"{found[2]}.{found[3]}"} if found else {}
            case "xformers":
                return _of_xformers(self._text(f"{folder}/cpp_lib.json"))
            case "flash-attn":
                wheel = re.search(_WHEEL, self._text(f"{self._installed.path}/direct_url.json"))
                return {"cuda": f"{wheel[1]}.{wheel[2]}".rstrip("."), "torch": wheel[3]} if wheel else {}
            case _:
                return {}

    def _text(self, path: str) -> str:
        with contextlib.suppress(InspectorError):
            return self._fs.read(path)[:MAX_TEXT].decode("utf-8", "replace")
        return ""


def _with_folders(fs: Rootfs, folder: str) -> list[str]:
    """Return a folder and those in it."""
    children = fs.scandir(folder).items()
    inside = sorted(f"{folder}/{name}" for name, node in children if node.kind is Kind.DIRECTORY)
    return [folder, *inside[:MAX_FOLDERS]]


def _of_xformers(text: str) -> Mapping[str, str]:
    try:
        stated = json.loads(text)["version"]
        cuda = int(stated["cuda"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"torch": str(stated.get("torch", ""))[:40], "cuda": f"{cuda // 100}.{cuda % 100}"} if cuda > 0 else {}
