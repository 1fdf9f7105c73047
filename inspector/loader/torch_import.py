"""The libraries that `import torch` opens, in the order of its own `__init__`, and the exception that it ends with."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from inspector.loader.extension import ImportFailure, import_extension, open_library
from inspector.loader.model import Library, Preloads
from inspector.loader.process import Process
from inspector.loader.torch_patterns import is_pattern, may_match
from inspector.rootfs import Kind, Rootfs, resolve

MAX_LISTED = 10_000
MAX_PATTERNS = 20
"""Entries of sys.path that are followed as patterns."""
_GLOBAL = "lib/libtorch_global_deps.so"


class TorchFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What of an image `import torch` begins with: paths as `import` writes them.

    `package` is the folder of torch, `source` the text of its `__init__.py`, `extension` its `_C` module; `numpy` are
    the extension modules, by name and path, that `import numpy` loads, for torch imports it where it is there.
    `opened` are libraries that its own lines open first, each with whether for all (RTLD_GLOBAL).
    `shared` is TORCH_USE_RTLD_GLOBAL; `cuda` what version.py says.
    """

    package: str
    source: str | bytes
    extension: str
    search_path: tuple[str, ...]
    cuda: str | None = None
    shared: bool = False
    numpy: tuple[tuple[str, str], ...] = ()
    opened: tuple[tuple[str, bool], ...] = ()


def import_torch(process: Process, fs: Rootfs, torch: TorchFiles) -> ImportFailure | None:
    """Open, in a started interpreter that has loaded `_ctypes`, what torch opens; None where all of it loads.

    What can't be followed is added to the process's doubts.
    """
    return _TorchImport(process, fs, torch).run()


class _TorchImport:
    def __init__(self, process: Process, fs: Rootfs, torch: TorchFiles) -> None:
        self._process = process
        self._fs = fs
        self._torch = torch
        self._patterns: dict[str, bool] = {}

    def run(self) -> ImportFailure | None:
        if self._fs.lstat(f"{self._torch.package}/_rocm_init.py") is not None:
            self._process.doubts.append("torch/_rocm_init.py runs before torch's libraries are opened")
        failure = None
        for path, shared in self._torch.opened:
            failure = failure or open_library(self._process, path, shared=shared)
        if failure is None and not self._torch.shared:
            failure = self._open_dependencies()
        if failure is None:
            shared = self._torch.shared
            failure = import_extension(self._process, "torch._C", self._torch.extension, now=not shared, shared=shared)
        for name, path in self._torch.numpy if failure is None else ():
            failure = failure or import_extension(self._process, name, path)
        return failure

    def _open_dependencies(self) -> ImportFailure | None:
        """Open what all later libraries shall bind to, as `_load_global_deps` does."""
        from inspector.loader.torch_preloads import read_preloads

        try:
            preloads = read_preloads(self._torch.source)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
            text = f"what torch/__init__.py preloads can't be read: {error}"
            return ImportFailure(error="ImportError", text=text, certainty="unknown")
        path = f"{self._torch.package}/{_GLOBAL}"
        failure = open_library(self._process, path, shared=True)
        if failure is None:
            return self._preload_afterwards(preloads)
        if failure.certainty != "fails" or not any(name in failure.text for name in preloads.triggers):
            return failure
        return self._preload_all(preloads) or open_library(self._process, path, shared=True)

    def _preload_afterwards(self, preloads: Preloads) -> ImportFailure | None:
        """Preload after success; what goes wrong is ignored, unless it ends the process, and ends the preloading."""
        if not preloads.mapped or not any(preloads.mapped in each.file for each in self._process.loaded):
            return None
        failure = self._preload(preloads, preloads.afterwards, preloads.optional_afterwards)
        return failure if failure is not None and failure.certainty != "fails" else None

    def _preload_all(self, preloads: Preloads) -> ImportFailure | None:
        if preloads.together:
            for folder, pattern in preloads.libraries:
                if self._find(preloads, folder, pattern) is None:
                    return self._value_error("cublas and cudnn")
        return self._preload(preloads, preloads.libraries, preloads.optional)

    def _preload(
        self, preloads: Preloads, libraries: tuple[Library, ...], optional: tuple[Library, ...]
    ) -> ImportFailure | None:
        for required, (folder, pattern) in [(True, each) for each in libraries] + [(False, each) for each in optional]:
            path = self._find(preloads, folder, pattern)
            if path is None and required:
                return self._value_error(pattern)
            failure = open_library(self._process, path) if path is not None else None
            if failure is not None:
                return failure
        return None

    def _value_error(self, what: str) -> ImportFailure:
        text = f"{what} not found in the system path {list(self._torch.search_path)}"
        return ImportFailure(error="ValueError", text=text)

    def _find(self, preloads: Preloads, folder: str, pattern: str) -> str | None:
        for entry in self._torch.search_path:
            if is_pattern(entry) and self._leads_nowhere(preloads, entry):
                continue
            for place in self._places(preloads, entry, folder):
                found = self._matching(place, pattern)
                if found:
                    self._doubt_order(place, found)
                    return f"{place}/{found[0]}"
        return None

    def _leads_nowhere(self, preloads: Preloads, entry: str) -> bool:
        """Tell whether nothing is found by an entry that is a pattern, torch globbing the whole path.

        What may be found is a doubt: some releases also ask for a folder that has the very name.
        """
        if entry not in self._patterns:
            bounded = len(self._patterns) < MAX_PATTERNS and not preloads.together
            self._patterns[entry] = bounded and not may_match(self._fs, entry)
            if not self._patterns[entry]:
                self._process.doubts.append(f"torch looks for libraries by a pattern, and {entry!r} reads as one")
        return self._patterns[entry]

    def _places(self, preloads: Preloads, entry: str, folder: str) -> list[str]:
        places = [f"{entry}/nvidia/{folder}/lib"]
        if preloads.by_release and self._torch.cuda is not None:
            places.append(f"{entry}/nvidia/cu{self._torch.cuda.split('.')[0]}/lib")
        if preloads.plain:
            places.append(f"{entry}/{folder}/lib")
        return places

    def _matching(self, place: str, pattern: str) -> list[str]:
        real = resolve(self._fs, place)
        node = self._fs.lstat(real) if real is not None else None
        if real is None or node is None or node.kind is not Kind.DIRECTORY:
            return []
        names = sorted(self._fs.scandir(real))[:MAX_LISTED]
        return [name for name in names if _fits(name, pattern)]

    def _doubt_order(self, place: str, names: list[str]) -> None:
        """Note that glob returns names in the order of the directory, which no image states."""
        if len({resolve(self._fs, f"{place}/{name}") for name in names}) > 1:
            self._process.doubts.append(
                f"torch preloads one of {', '.join(names[:5])} in {place}, whichever comes first"
            )


def _fits(name: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern as glob has it; torch's own, `libcudart.so.*[0-9]`, are read as they are.

    A regular expression for each of its libraries would take 2 ms.
    """
    stem = pattern.removesuffix("*[0-9]")
    if stem == pattern or any(sign in stem for sign in "*?["):
        return fnmatchcase(name, pattern)
    return name.startswith(stem) and name[len(stem) :][-1:] in tuple("0123456789")
