"""From a package directory that is torch's to the answer about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.python.dist_info import read_distribution
from inspector.python.editable import is_editable_hook
from inspector.python.files import names_in
from inspector.python.folders import Folders
from inspector.python.installed import Installed, Notes
from inspector.python.model import Interpreter
from inspector.python.modules import Found
from inspector.python.record import Owned
from inspector.torchbuild.binary import check_binaries, check_platform
from inspector.torchbuild.build import builds_on_disk, decide_build
from inspector.torchbuild.candidate import Candidate, Surroundings
from inspector.torchbuild.companions import check_companions, check_plugins
from inspector.torchbuild.completeness import check_files, check_libraries
from inspector.torchbuild.core_modules import check_core_modules
from inspector.torchbuild.device_libraries import check_cuda_libraries, check_vendor_libraries
from inspector.torchbuild.diagnostics import Diagnostic, as_doubts, importable, texts
from inspector.torchbuild.model import Build, Torch, accelerator_of
from inspector.torchbuild.permissions import check_permissions
from inspector.torchbuild.releases import is_valid, same_public
from inspector.torchbuild.sizes import stack_size, torch_files
from inspector.torchbuild.standard_library import check_own_place, check_standard_library
from inspector.torchbuild.survey import is_metadata
from inspector.torchbuild.version_file import VersionFile, read_version_file

_CHECKS = (
    check_binaries,
    check_platform,
    check_files,
    check_libraries,
    check_companions,
    check_cuda_libraries,
    check_vendor_libraries,
    check_plugins,
    check_core_modules,
    check_permissions,
    check_standard_library,
    check_own_place,
)


_BY_NAME = (
    check_binaries,
    check_platform,
    check_files,
    check_libraries,
    check_companions,
    check_cuda_libraries,
    check_vendor_libraries,
    check_core_modules,
    check_permissions,
    check_standard_library,
    check_own_place,
)
"""Those that can do with looking for files by their names."""


def assess(around: Surroundings, found: Found, hiding: Sequence[Diagnostic]) -> tuple[Torch, Owned]:
    """What is to be said of the torch at `found`, and its files; `hiding` is what stands before it.

    Where the tree can't be walked sizes are left out, and nothing that contradicts a good torch is certain.
    """
    folders, whole = around.folders, around.survey.whole
    version = read_version_file(folders, f"{found.path}/version.py", around.suffixes.own)
    build: Build = "unknown"
    contradictions: list[str] = []
    if isinstance(version, VersionFile):
        build, contradictions = decide_build(version, builds_on_disk(folders, _libraries(around, found.path)))
    torch = Candidate(
        **msgspec.structs.asdict(around),
        found=found,
        distribution=_distribution(around, found, version),
        version=version,
        build=build,
    )
    reasons = [*hiding, *check_start(around.interpreter), *_check_version(torch)]
    reasons += [Diagnostic("unknown", text) for text in contradictions]
    if not whole:
        return _described(torch, as_doubts(_by_name(torch, reasons)), None), Owned({})
    reasons += [reason for check in _CHECKS for reason in check(torch)]
    files = torch_files(folders, found.path, torch.distribution)
    return _described(torch, reasons, files), files


def _by_name(torch: Candidate, reasons: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The reasons, and those of the checks by name up to the first doubt: that is for a look at everything to solve."""
    found = [*reasons]
    if torch.distribution is None:
        found.append(Diagnostic("unknown", "torch's metadata was not found by the name that its version gives it"))
    for check in _BY_NAME:
        if importable(found) != "yes":
            break
        found += check(torch)
    return found


def check_start(interpreter: Interpreter) -> Iterator[Diagnostic]:
    """The interpreter starts, and runs nothing unknown before its program."""
    if interpreter.runs != "yes":
        why = "; ".join(interpreter.reasons) or "whether the interpreter starts is not known"
        yield Diagnostic("no" if interpreter.runs == "no" else "unknown", why)
    for hook in interpreter.hooks:
        if hook.touches_torch != "no" and not is_editable_hook(hook):
            yield Diagnostic("unknown", f"{hook.path!r} runs code at start that may change what is imported")


def _check_version(torch: Candidate) -> Iterator[Diagnostic]:
    """version.py is there, states a version, and the metadata is of the same release."""
    if isinstance(torch.version, str):
        fatal = torch.version.endswith(("is missing", "is empty", "SyntaxError"))  # torch/__init__.py needs its version
        yield Diagnostic("no" if fatal else "unknown", torch.version)
        return
    stated = torch.version.version
    if not stated:
        yield Diagnostic("no" if torch.version.unstated else "unknown", "its version.py states no version")
        return
    if not is_valid(stated):
        yield Diagnostic("note", f"its version.py states {stated!r}, which is no valid version")
    if torch.since(1, 8) and "hip" not in {*torch.version.fields, *torch.version.odd}:
        yield Diagnostic("unknown", "its version.py has no field hip, which torch reads")
    distribution = torch.distribution
    if distribution is not None and same_public(stated, distribution.version) is False:
        told = f"version.py says {stated!r}, the metadata {distribution.version!r}"
        yield Diagnostic("unknown", f"two releases are mixed: {told}")
    rivals = [] if distribution is None else [one for one in distribution.rivals if one.version != distribution.version]
    if rivals:
        versions = ", ".join(repr(rival.version) for rival in rivals)
        yield Diagnostic("note", f"metadata of other versions lies beside it: {versions}")


def _described(torch: Candidate, reasons: Sequence[Diagnostic], files: Owned | None) -> Torch:
    version = torch.version if isinstance(torch.version, VersionFile) else VersionFile()
    node = torch.folders.node(f"{torch.path}/version.py") or torch.folders.node(torch.found.origin or torch.path)
    return Torch(
        installed=True,
        importable=importable(reasons),
        reasons=texts(reasons),
        version=version.version,
        distribution_version=torch.distribution.version if torch.distribution else None,
        build=torch.build,
        cuda=version.get("cuda"),
        hip=version.get("hip"),
        xpu=version.get("xpu"),
        accelerator=accelerator_of(torch.build, version.fields),
        path=torch.path,
        size=files.size if files else None,
        stack_size=stack_size(files, torch.distribution, torch.installed, torch.requirements) if files else None,
        layer=node.layer if node else None,
    )


def _libraries(around: Surroundings, path: str) -> list[str]:
    """Where torch's libraries may lie: its own directory, and that of its conda environment."""
    prefix = around.interpreter.prefix
    conda = prefix and around.folders.at(f"{prefix}/conda-meta").path is not None
    return [f"{path}/lib", *([f"{prefix}/lib"] if conda else [])]


def _distribution(around: Surroundings, found: Found, version: VersionFile | str) -> Installed | None:
    """The metadata of the torch at `found`: that beside it, or that of an editable install."""
    named = next((one for one in around.installed if one.key == "torch"), None)
    if named is None or (named.site != found.entry and not named.editable):
        named = _beside(around.folders, found.entry, version) or _owner(around, found)
    if named is None or not named.rivals or isinstance(version, str) or not version.version:
        return named
    stated = version.version
    every = (named, *named.rivals)
    best = next((one for one in every if same_public(stated, one.version)), named)
    others = tuple(one for one in every if one is not best)
    return msgspec.structs.replace(best, rivals=tuple(msgspec.structs.replace(one, rivals=()) for one in others))


def _beside(folders: Folders, site: str, version: VersionFile | str) -> Installed | None:
    """Metadata of torch in the directory `site`, where one before it on the search path was listed in its place."""
    for name in sorted(names_in(folders.at(site).children, _metadata_names(version))):
        if is_metadata(name):
            try:
                found = read_distribution(folders, site, name, Notes([], []))
            except InspectorError:
                continue
            if found is not None:
                return found
    return None


def _metadata_names(version: VersionFile | str) -> Iterator[str]:
    """What installers name the metadata of a torch of this version."""
    stated = "" if isinstance(version, str) else version.version or ""
    for text in dict.fromkeys((stated, stated.partition("+")[0])):
        yield from (f"torch-{text.replace('-', '_')}.{kind}" for kind in ("dist-info", "egg-info"))


def _owner(around: Surroundings, found: Found) -> Installed | None:
    """The distribution of whatever name whose list of files holds torch's `__init__`."""
    node = around.folders.node(found.origin or found.path)
    inode = None if node is None else node.inode
    return next((one for one in around.installed if one.owned is not None and inode in one.owned.files), None)
