"""Checks what the loader does when torch is imported: the extension modules before it, its libraries, numpy's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.errors import InspectorError
from inspector.loader import LATE, ImportFailure, LoadFailure, Process, Tables, TorchFiles, at_each_level, import_torch
from inspector.loader.extension import failed
from inspector.loader.hwcaps import LEVELS
from inspector.loader.torch_preloads import read_opened
from inspector.python.modules import extensions_of, find_in, find_modules
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.python_process import Python, Whole, agreed, diagnosed, load_modules, same
from inspector.torchbuild.standard_library import FIRST, LATER, SPARED
from inspector.torchbuild.version_file import VersionFile

_OF_NUMPY = ("_datetime",)
_PYTORCH = "_utils_internal.py"
"""A file of every release, which imports most of these by the modules that it imports."""
_NUMPY = ("linalg._umath_linalg",)


def check_loading(torch: Candidate) -> Iterator[Diagnostic]:
    """Import torch in a process of the loader's model, as its own `__init__` does."""
    if torch.interpreter.runs == "no":
        return
    if torch.interpreter.implementation.lower() != "cpython":
        yield Diagnostic("unknown", f"torch is built for CPython, and this is {torch.interpreter.implementation}")
        return
    files = torch_files(torch)
    if isinstance(files, Diagnostic):
        yield files
    if isinstance(files, Diagnostic) or torch.blind:
        return
    root = torch.root if torch.content is None else Whole(torch.root, torch.started, torch.content)
    python = Python(root, torch.interpreter.resolved, torch.started)
    tables = Tables(root)
    first, later = _extensions(torch, FIRST), _extensions(torch, (*LATER, *(_OF_NUMPY if files.numpy else ())))
    spared = [path for _, path in _extensions(torch, SPARED) if path]

    def attempt(level: int) -> tuple[Diagnostic | None, Iterable[int]]:
        process = python.start(level, tables)
        if isinstance(process, LoadFailure):
            return diagnosed(process, torch.root), LEVELS
        failure = load_modules(process, first) or import_torch(process, root, files)
        answer = _answer(torch, files, process, failure)
        if answer is None:
            answer = _later(torch, load_modules(process, later) or _ending(process, spared))
        return answer, process.levels

    answer = agreed(*at_each_level(attempt, same))
    if answer is not None:
        yield answer


def _answer(torch: Candidate, files: TorchFiles, process: Process, failure: ImportFailure | None) -> Diagnostic | None:
    """Say what a failure means, and what the model can't follow."""
    serious = [doubt for doubt in process.doubts if failure is None or not doubt.endswith(LATE)]
    if failure is not None and read_opened(files.source, files.package) is None:
        serious.append(f"{failure}, but torch/__init__.py opens libraries of its own")
    if serious:
        return Diagnostic("unknown", f"what the loader does is not known: {'; '.join(serious)}")
    return None if failure is None else diagnosed(failure, torch.root)


def _ending(process: Process, paths: Iterable[str]) -> ImportFailure | None:
    """Return how the first of these modules ends the process; None where none does."""
    ends = filter(None, map(process.mapping_ends, paths))
    return next((failed("ImportError", end) for end in ends), None)


def _later(torch: Candidate, failure: ImportFailure | None) -> Diagnostic | None:
    """Say that a module is missing which PyTorch imports: a torch that lacks parts of it may do without."""
    found = None if failure is None else diagnosed(failure, torch.root)
    if found is None or torch.folders.is_file(f"{torch.path}/{_PYTORCH}"):
        return found
    return Diagnostic("unknown", f"{found.text}: whether this torch imports it is not known", asks=True)


def _extensions(torch: Candidate, names: Iterable[str]) -> list[tuple[str, str | None]]:
    return [(name, path) for name in names if (path := _module(torch, name)) != ""]


def torch_files(torch: Candidate) -> TorchFiles | Diagnostic:
    """Return what the import begins with, or why it can't begin."""
    package = _as_imported(torch)
    found = find_in(torch.folders, torch.path, "_C", torch.suffixes)
    if found is None or found.loader == "none":
        return _missing_extension(torch)
    if found.loader != "extension" or not found.origin:
        return Diagnostic("unknown", f"{found.path!r} stands where torch's extension module should", asks=True)
    source = _source(torch)
    numpy = _numpy(torch)
    if isinstance(numpy, Diagnostic):
        return numpy
    return TorchFiles(
        package=package,
        source=source,
        extension=f"{package}{found.origin.removeprefix(torch.path)}",
        search_path=torch.interpreter.search_path,
        cuda=torch.version.get("cuda") if isinstance(torch.version, VersionFile) else None,
        shared=bool(torch.environment.get("TORCH_USE_RTLD_GLOBAL")),
        numpy=numpy,
        opened=read_opened(source, package) or (),
    )


def _as_imported(torch: Candidate) -> str:
    """Return torch's folder as `import` writes it: below an entry of the search path whose links aren't followed."""
    entries = torch.interpreter.search_path
    entry = next((each for each in entries if torch.folders.at(each).path == torch.found.entry), torch.found.entry)
    return f"{entry.rstrip('/')}{torch.path.removeprefix(torch.found.entry)}"


def _source(torch: Candidate) -> bytes:
    """Read what says which libraries are preloaded; nothing where only bytecode is there."""
    try:
        origin = torch.found.origin or ""
        return torch.folders.read(origin) if origin.endswith(".py") else b""
    except InspectorError:
        return b""


def _missing_extension(torch: Candidate) -> Diagnostic:
    others = extensions_of(torch.folders, torch.path, "_C")
    if others:
        interpreter = torch.interpreter
        wanted = f"{interpreter.abi} on {interpreter.machine or 'a machine that is not known'}"
        text = f"torch's extension module is {some(others)}, which an interpreter {wanted} does not load"
        return Diagnostic("no", text)
    return Diagnostic("no", "torch's extension module torch/_C*.so is missing")


def _module(torch: Candidate, name: str) -> str | None:
    """Find the file of an extension module; None where there is none, empty where another kind of module is first."""
    found = next(find_modules(torch.folders, torch.interpreter.search_path, name, torch.suffixes), None)
    if found is None or found.form == "namespace":
        return None
    return found.origin if found.loader == "extension" and found.form == "module" else ""


def _numpy(torch: Candidate) -> tuple[tuple[str, str], ...] | Diagnostic:
    """List the extension modules that numpy loads, which torch imports where it is there."""
    found = next(find_modules(torch.folders, torch.interpreter.search_path, "numpy", torch.suffixes), None)
    if found is not None and found.form == "module":
        return Diagnostic("unknown", f"torch imports {found.path!r}, which is not numpy as it is known", asks=True)
    if found is None or found.form != "package":
        return ()
    core = next((name for name in ("_core", "core") if _has(torch, f"{found.path}/{name}")), "")
    names = (f"{core}._multiarray_umath", *_NUMPY) if core else ()
    if not core:
        return Diagnostic("unknown", f"torch imports {found.path!r}, which is not numpy as it is known", asks=True)
    listed = []
    for name in names:
        folder, _, last = name.rpartition(".")
        module = find_in(torch.folders, f"{found.path}/{folder.replace('.', '/')}", last, torch.suffixes)
        if module is not None and module.origin and module.loader == "extension":
            listed.append((f"numpy.{name}", module.origin))
        elif module is None and folder == core:
            text = f"ModuleNotFoundError: No module named 'numpy.{name}': numpy is there and broken"
            return Diagnostic("no", text, path=found.path)
    return tuple(listed)


def _has(torch: Candidate, folder: str) -> bool:
    return "_multiarray_umath" in {name.partition(".")[0] for name in torch.folders.at(folder).children}
