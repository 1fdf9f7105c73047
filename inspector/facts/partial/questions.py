"""The short list of questions about a torch that single files answer, by the names that files have in every wheel.

A name costs a round trip, a folder's listing or a library's bytes seconds, so most differ from the checks of a whole
image. What speaks against a torch is a doubt here, never a failure: the file may be there under another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.python.files import is_listed
from inspector.python.modules import find_in
from inspector.torchbuild.assess import check_start
from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.companions import check_companions
from inspector.torchbuild.completeness import compare_with_record, is_essential
from inspector.torchbuild.core_modules import check_core_modules
from inspector.torchbuild.diagnostics import Diagnostic, importable
from inspector.torchbuild.package_init import check_init
from inspector.torchbuild.permissions import check_permissions
from inspector.torchbuild.standard_library import LOADED, check_displaced, shadowing, standard_library_of
from inspector.torchbuild.versions import check_version

_GLOBAL_DEPS = "lib/libtorch_global_deps.so"
"""The library that `import torch` loads first, from 2.0 on."""


def diagnose(torch: Candidate, hiding: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Ask about a torch, up to the first doubt: what it means takes the whole image. `hiding` stands before torch."""
    found = [*hiding, *check_start(torch.interpreter), *check_version(torch)]
    if torch.distribution is None:
        found.append(Diagnostic("unknown", "torch's metadata was not found by the name that its version gives it"))
    for ask in ANSWERABLE_PARTIALLY:
        if importable(found) != "yes":
            break
        found += ask(torch)
    return [Diagnostic("unknown", each.text) if each.severity == "no" else each for each in found]


def ask_binaries(torch: Candidate) -> Iterator[Diagnostic]:
    """Ask for `torch/_C` by the interpreter's own ending, and for the first library that `import torch` loads."""
    extension = find_in(torch.folders, torch.path, "_C", torch.suffixes)
    if extension is None or extension.loader == "none":
        why = "torch's extension module was not found by the name that this interpreter loads"
        yield Diagnostic("unknown", why)
    elif extension.loader != "extension" or not extension.origin:
        yield Diagnostic("unknown", f"{extension.path!r} stands where torch's extension module should")
    elif _is_empty(torch, extension.origin):
        yield Diagnostic("no", f"{extension.origin!r} is an empty file")
    if torch.since(2, 0) and _is_empty(torch, f"{torch.path}/{_GLOBAL_DEPS}"):
        yield Diagnostic("no", f"torch/{_GLOBAL_DEPS}, which `import torch` loads first, is missing or empty")


def ask_essential_files(torch: Candidate) -> Iterator[Diagnostic]:
    """Compare the few files with RECORD that every import loads first."""
    for found in compare_with_record(torch, is_essential):
        yield Diagnostic("unknown", found.text)


def ask_standard_library(torch: Candidate) -> Iterator[Diagnostic]:
    """Look for modules before the standard library's in the folders that are listed: others take a hundred names."""
    listed = [entry for entry in _before_library(torch) if is_listed(torch.folders.at(entry).children)]
    places = ((entry, name) for entry in listed for name in sorted(LOADED))
    found = [find_in(torch.folders, entry, name, torch.suffixes) for entry, name in places]
    yield from shadowing([one.origin or one.path for one in found if one is not None and one.form != "namespace"])


def ask_own_place(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that what torch needs beside it is not loaded from a folder before the standard library."""
    yield from check_displaced(torch, _before_library(torch))


ANSWERABLE_PARTIALLY = (
    check_init,
    ask_binaries,
    ask_essential_files,
    check_companions,
    check_core_modules,
    check_permissions,
    ask_standard_library,
    ask_own_place,
)
"""The questions, in order; those named `check_…` are the whole image's own, which look for files by name anyway."""


def _is_empty(torch: Candidate, path: str) -> bool:
    node = torch.folders.node(path)
    return node is None or node.size == 0


def _before_library(torch: Candidate) -> list[str]:
    """List the directories that stand on the search path before the standard library."""
    library = standard_library_of(torch)
    paths = [torch.folders.at(entry).path for entry in torch.interpreter.search_path]
    before = paths[: paths.index(library)] if library in paths else []
    return [path for path in before if path is not None]
