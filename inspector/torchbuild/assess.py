"""Assesses a package directory that is torch's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.python.dist_info import read_distribution
from inspector.python.editable import is_editable_hook
from inspector.python.files import names_in
from inspector.python.folders import Folders
from inspector.python.installed import Installed, Notes
from inspector.python.model import Hook, Interpreter
from inspector.python.modules import Found
from inspector.python.record import Owned
from inspector.torchbuild.build import build_by_libraries, builds_on_disk, decide_build
from inspector.torchbuild.candidate import Candidate, Surroundings
from inspector.torchbuild.changed import check_changed, check_library_parts
from inspector.torchbuild.companions import check_companions, check_plugins
from inspector.torchbuild.completeness import check_files, check_manager
from inspector.torchbuild.core_modules import check_core_modules
from inspector.torchbuild.diagnostics import Diagnostic, importable, texts
from inspector.torchbuild.model import Build, Fault, Torch, accelerator_of
from inspector.torchbuild.package_init import check_init, check_own_imports
from inspector.torchbuild.permissions import check_permissions
from inspector.torchbuild.releases import same_public
from inspector.torchbuild.sizes import stack_size, torch_files
from inspector.torchbuild.standard_library import check_own_place, check_standard_library, is_followable
from inspector.torchbuild.survey import is_metadata
from inspector.torchbuild.version_file import BYTECODE, VersionFile, read_version_file
from inspector.torchbuild.versions import check_version


def _check_loading(torch: Candidate) -> Iterator[Diagnostic]:
    """Ask the loader's model, which is imported for that alone."""
    from inspector.torchbuild.loading import check_loading

    yield from check_loading(torch)


def settled(torch: Candidate, found: list[Diagnostic]) -> list[Diagnostic]:
    """Follow the import where a diagnostic asks for that, and nothing else fails it."""
    hooks = serious_hooks(torch.interpreter)
    if len(hooks) == 1 and torch.content is not None and not torch.blind:
        from inspector.torchbuild.start_code import diagnose, without_hook

        known = diagnose(torch, hooks[0])
        if known is not None:
            torch = msgspec.structs.replace(torch, interpreter=without_hook(torch.interpreter, hooks[0]))
            found = [known if each.text == _at_start(hooks[0]) else each for each in found]
    if torch.content is None or torch.blind or not any(each.asks for each in found) or importable(found) == "no":
        return found
    if not is_followable(torch):
        return found
    from inspector.torchbuild.following import settle

    return settle(torch, found)


_CHECKS = (
    check_version,
    check_init,
    check_own_imports,
    check_files,
    check_changed,
    check_manager,
    check_companions,
    check_plugins,
    check_core_modules,
    check_permissions,
    check_standard_library,
    check_library_parts,
    check_own_place,
    _check_loading,
)


def assess(around: Surroundings, found: Found, hiding: Sequence[Diagnostic]) -> tuple[Torch, Owned]:
    """Assess the torch at `found`, and list its files; `hiding` is what stands before it on the search path."""
    torch = candidate_of(around, found)
    diagnostics = [*hiding, *check_start(around.interpreter)]
    diagnostics += [diagnostic for check in _CHECKS for diagnostic in check(torch)]
    diagnostics = _doubted(torch.interpreter, settled(torch, diagnostics))
    files = torch_files(around.folders, found.path, torch.distribution)
    return describe(torch, diagnostics, files), files


def _doubted(interpreter: Interpreter, found: list[Diagnostic]) -> list[Diagnostic]:
    """Leave open what code that runs at start, and isn't known, may mend: the search path, the environment, modules."""
    unknown = {_at_start(hook) for hook in serious_hooks(interpreter)}
    if interpreter.runs == "no" or not any(each.text in unknown for each in found):
        return found
    return [msgspec.structs.replace(each, severity="unknown") if each.severity == "no" else each for each in found]


def candidate_of(around: Surroundings, found: Found) -> Candidate:
    """Gather what the checks need to know of the torch at `found`."""
    path, variables = f"{found.path}/version.py", around.started.variables
    version = read_version_file(around.folders, path, around.suffixes.own, variables)
    distribution = _distribution(around, found, version)
    libraries = builds_on_disk(around.folders, _libraries(around, found.path))
    build: Build = "unknown"
    contradictions: list[str] = []
    if isinstance(version, VersionFile):
        build, contradictions = decide_build(version, libraries)
    elif version == BYTECODE and distribution is not None:
        build = build_by_libraries(distribution.version, libraries)
    return Candidate(
        **msgspec.structs.asdict(around),
        found=found,
        distribution=distribution,
        version=version,
        build=build,
        contradictions=tuple(contradictions),
    )


def check_start(interpreter: Interpreter) -> Iterator[Diagnostic]:
    """Check that the interpreter starts, and runs nothing unknown before its program."""
    if interpreter.runs != "yes":
        why = "; ".join(interpreter.reasons) or "whether the interpreter starts is not known"
        yield Diagnostic("no" if interpreter.runs == "no" else "unknown", why)
    for hook in serious_hooks(interpreter):
        yield Diagnostic("unknown", _at_start(hook))


def serious_hooks(interpreter: Interpreter) -> list[Hook]:
    """List what runs at start and may change what is imported."""
    return [hook for hook in interpreter.hooks if hook.touches_torch != "no" and not is_editable_hook(hook)]


def _at_start(hook: Hook) -> str:
    return f"{hook.path!r} runs code at start that may change what is imported"


def describe(torch: Candidate, diagnostics: Sequence[Diagnostic], files: Owned | None) -> Torch:
    """Make the facts of a torch; without `files` its sizes are not known."""
    version = torch.version if isinstance(torch.version, VersionFile) else VersionFile()
    node = torch.folders.node(f"{torch.path}/version.py") or torch.folders.node(torch.found.origin or torch.path)
    return Torch(
        installed=True,
        importable=importable(diagnostics),
        reasons=texts(diagnostics),
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
        fault=_fault(torch, diagnostics),
    )


def _fault(torch: Candidate, diagnostics: Sequence[Diagnostic]) -> Fault | None:
    """Find the file that the import fails at, as the first failure that names one has it."""
    path = next((each.path for each in diagnostics if each.severity == "no" and each.path), None)
    if path is None:
        return None
    node = torch.root.lstat(path)
    return Fault(path=path, layer=node.layer if node else None)


def _libraries(around: Surroundings, path: str) -> list[str]:
    """List where torch's libraries may lie: its own directory, and that of its conda environment."""
    prefix = around.interpreter.prefix
    conda = prefix and around.folders.at(f"{prefix}/conda-meta").path is not None
    return [f"{path}/lib", *([f"{prefix}/lib"] if conda else [])]


def _distribution(around: Surroundings, found: Found, version: VersionFile | str) -> Installed | None:
    """Find the metadata of the torch at `found`: that beside it, or that of an editable install."""
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
    """Find metadata of torch in the directory `site`, if one before it on the search path was listed in its place."""
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
    """List the names that installers give the metadata of a torch of this version."""
    stated = "" if isinstance(version, str) else version.version or ""
    for text in dict.fromkeys((stated, stated.partition("+")[0])):
        yield from (f"torch-{text.replace('-', '_')}.{kind}" for kind in ("dist-info", "egg-info"))


def _owner(around: Surroundings, found: Found) -> Installed | None:
    """Find the distribution, of any name, whose list of files holds torch's `__init__`."""
    node = around.folders.node(found.origin or found.path)
    inode = None if node is None else node.inode
    return next((one for one in around.installed if one.owned is not None and inode in one.owned.files), None)
