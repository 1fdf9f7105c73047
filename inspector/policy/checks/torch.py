"""Torch against the role: there or not, importable, of the right build."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.checks.versions import parsed, within
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding, Outcome, Pointer
from inspector.python.metadata import canonical
from inspector.torchbuild.kinds import label_of
from inspector.torchbuild.model import Torch, TorchElsewhere, build_name
from inspector.unknown import Absent, Unknown

_HOW = "`python -c 'import torch; print(torch.__version__, torch.version.cuda)'` in a container shows it"


def check_torch(case: Case) -> Iterator[Finding]:
    """Torch is there and importable, or is not there at all, as the role has it."""
    match case.role.torch:
        case None:
            return
        case "absent":
            yield _absence(case)
        case _:
            yield _presence(case)


def _absence(case: Case) -> Finding:
    torch = case.facts.torch
    shown = Shown("no torch", label(torch))
    if torch.installed:
        message = f"{label(torch)} is installed{_not_importable(torch)}"
        return case.found("torch", "fail", "torch-in-api", message, shown, where(case, torch))
    if torch.importable == "yes":
        message = f"`import torch` succeeds without a torch: {torch.path or 'a directory torch'} is a namespace package"
        return case.found("torch", "fail", "namespace", message, shown, where(case, torch))
    reason = _undecided(case)
    if reason:
        return case.unknown("torch", f"whether torch can be imported is not known: {reason}", shown, _HOW)
    if torch.path is not None:
        message = f"a module torch is there, though not PyTorch{_why(torch)}"
        return case.found("torch", "fail", "not-torch", message, shown, where(case, torch))
    if torch.distribution_version is not None:
        message = f"torch is gone, but the metadata of {torch.distribution_version} is left"
        left = Shown("no torch", f"metadata of torch {torch.distribution_version}")
        return case.found("torch", "warn", "orphan-metadata", message, left, _metadata(case))
    return case.passed("torch", "torch is not installed", shown)


def _presence(case: Case) -> Finding:
    torch = case.facts.torch
    shown = Shown(_expected(case), label(torch))
    interpreter = case.facts.interpreter
    if isinstance(interpreter, Absent):
        message = f"torch can't be imported: {interpreter.unknown}"
        return case.found("torch", "fail", "no-python", message, shown)
    if not torch.installed and torch.importable == "yes":
        message = f"no torch: {torch.path or 'a directory torch'} holds no package, though `import torch` succeeds"
        return case.found("torch", "fail", "no-torch", message, shown, where(case, torch))
    if torch.importable == "no" and not isinstance(interpreter, Unknown):
        if not torch.installed:
            return case.found("torch", "fail", "no-torch", f"torch is not installed{_why(torch)}", shown)
        message = f"{label(torch)} is installed but can't be imported{_why(torch)}"
        row = "no-python" if interpreter.runs == "no" else "broken-torch"
        return case.found("torch", "fail", row, message, shown, where(case, torch))
    reason = _undecided(case)
    if reason:
        return case.unknown("torch", f"whether torch can be imported is not known: {reason}", shown, _HOW)
    return case.passed("torch", f"{label(torch)} can be imported", shown)


def check_build(case: Case) -> Iterator[Finding]:
    """The build is the role's. `cuda = None` in torch/version.py means "no CUDA build", never "not known"."""
    rule, torch = case.role.torch, case.facts.torch
    if rule in (None, "absent", "any") or not torch.installed:
        return
    shown = Shown(f"{label_of(rule)} build", f"{label_of(torch.build)} build")
    if torch.build == "unknown":
        message = f"which build {label(torch)} is can't be told{_why_told_once(torch)}"
        yield case.unknown("torch-build", message, shown, _HOW)
    elif torch.build == rule:
        yield case.passed("torch-build", f"{build_name(torch)} build, as the role asks", shown)
    else:
        row = {("cpu", "cuda"): "cuda-in-cpu", ("cuda", "cpu"): "cpu-in-gpu"}.get((rule, torch.build), "wrong-build")
        message = f"{label(torch)}: the role asks for a {label_of(rule)} build"
        at = where(case, torch)
        yield case.found("torch-build", "fail", row, message, shown, at)


def check_version(case: Case) -> Iterator[Finding]:
    """torch/version.py states a valid version, in the role's range and of one release with the metadata."""
    torch, wanted = case.facts.torch, case.role.torch_version
    if case.role.torch in (None, "absent") or not torch.installed:
        return
    shown = Shown(wanted or "a valid version", torch.version or "none")
    version = parsed(torch.version)
    if version is None:
        yield _invalid_version(case, shown)
        return
    if wanted is not None and within(torch.version, wanted) != "yes":
        message = f"torch {torch.version} is not {wanted}"
        at = where(case, torch)
        yield case.found("torch-version", "fail", "wrong-torch", message, shown, at)
    else:
        yield case.passed("torch-version", f"version {torch.version} is valid", shown)
    metadata = parsed(torch.distribution_version)
    if metadata is not None and metadata.public != version.public:
        message = f"the metadata says torch {torch.distribution_version}, torch/version.py says {torch.version}"
        one = Shown("one release", f"{torch.distribution_version} and {torch.version}")
        yield case.found("torch-version", "warn", "mixed-torch", message, one, where(case, torch))


def _invalid_version(case: Case, shown: Shown) -> Finding:
    torch = case.facts.torch
    if not torch.version and torch.importable == "unknown":
        return case.unknown("torch-version", f"torch's version can't be told{_why(torch)}", shown, _HOW)
    stated = f"{torch.version!r} is no valid version" if torch.version else "it states no version"
    message = f"partial torch install: {stated}{_why_told_once(torch)}"
    return case.found("torch-version", "fail", "broken-torch", message, shown, where(case, torch))


def check_cuda(case: Case) -> Iterator[Finding]:
    """The CUDA version that a CUDA build was made for lies in the role's range."""
    wanted, torch = case.role.cuda, case.facts.torch
    if wanted is None or not torch.installed or torch.build != "cuda":
        return
    shown = Shown(wanted, torch.cuda or "not known")
    match within(torch.cuda, wanted):
        case "yes":
            yield case.passed("cuda", f"CUDA {torch.cuda} is {wanted}", shown)
        case "no":
            at = where(case, torch)
            yield case.found("cuda", "fail", "wrong-cuda", f"CUDA {torch.cuda} is not {wanted}", shown, at)
        case "unknown":
            yield case.unknown("cuda", "which CUDA version torch was built for is not known", shown, _HOW)


def check_elsewhere(case: Case) -> Iterator[Finding]:
    """Torch where the asked `python` does not look: forbidden, or worth a warning where none was wanted.

    Where nobody looked, that is no answer if it is forbidden; else the role demands nothing, and nothing is said
    here: the reports tell of every such answer that it is partial.
    """
    role, found = case.role, case.facts.torch_elsewhere
    outcome: Outcome = "fail" if role.torch_elsewhere == "forbid" else "warn"
    if outcome == "warn" and role.torch != "absent":
        return
    if isinstance(found, Unknown):
        if outcome == "fail":
            message = f"whether torch lies where `{role.python_command}` does not look: not looked at: {found.unknown}"
            shown = Shown("nothing", "not looked at")
            yield case.found("torch-elsewhere", "unknown", "not-looked", message, shown)
        return
    for other in found:
        yield _elsewhere(case, other, outcome)
    if not found:
        yield case.passed("torch-elsewhere", "nothing of torch elsewhere", Shown("nothing", "nothing"))


def _elsewhere(case: Case, other: TorchElsewhere, outcome: Outcome) -> Finding:
    what = f"torch {other.version}" if other.version else "what is left of a torch"
    unseen = f"where `{case.role.python_command}` does not look: {other.why_not_importable}"
    at = case.at(other.layer, path=other.path, size=other.size)
    message = f"{what} lies in {other.path}, {unseen}"
    return case.found("torch-elsewhere", outcome, "torch-left-behind", message, Shown("nothing", what), at)


def label(torch: Torch) -> str:
    """`torch 2.6.0+cu124 (CUDA 12.4 build)`."""
    if not torch.installed:
        return "namespace only" if torch.importable == "yes" else "no torch"
    version = torch.version or torch.distribution_version or "of no stated version"
    return f"torch {version} ({build_name(torch)} build)"


def where(case: Case, torch: Torch) -> Pointer:
    """Where torch lies, with what its stack costs: torch alone where the stack is not known."""
    size = torch.size if torch.stack_size is None else torch.stack_size
    return case.at(torch.layer, path=torch.path, size=size or None)


def _metadata(case: Case) -> Pointer:
    """Where the metadata lies that says torch is installed."""
    listed = case.facts.distributions
    if isinstance(listed, Unknown):
        return Pointer()
    found = next((one for one in listed if canonical(one.name) == "torch"), None)
    return Pointer() if found is None else case.at(found.layer, path=found.path)


def _expected(case: Case) -> str:
    rule = case.role.torch
    return "torch" if rule in (None, "any", "absent") else f"torch, {label_of(rule)} build"


def _undecided(case: Case) -> str:
    """Why importing can't be decided; empty where it can."""
    interpreter, torch = case.facts.interpreter, case.facts.torch
    if isinstance(interpreter, Unknown) and not isinstance(interpreter, Absent):
        return interpreter.unknown
    if torch.importable == "unknown" and not isinstance(interpreter, Absent):
        return "; ".join(torch.reasons) or "nothing tells"
    return ""


def _why(torch: Torch) -> str:
    return f": {'; '.join(torch.reasons)}" if torch.reasons else ""


def _why_told_once(torch: Torch) -> str:
    """The reasons, unless the failure to import has already told them."""
    return "" if torch.importable == "no" else _why(torch)


def _not_importable(torch: Torch) -> str:
    return f", though it can't be imported{_why(torch)}" if torch.importable == "no" else ""
