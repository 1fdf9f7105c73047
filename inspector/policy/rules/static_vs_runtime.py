"""What the files say, compared with what happened: where they disagree, the answer from the files is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inspector.facts.runtime import RuntimeFacts
from inspector.gpu.image import ImageGpu
from inspector.policy.findings import RUN_SILENT, Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.runs import failure, run_label
from inspector.policy.torches import label, where
from inspector.torchbuild.kinds import label_of
from inspector.torchbuild.model import Torch, build_name
from inspector.unknown import Unknown

_NO_TORCH = "No module named 'torch'"
_DRIVER = "libcuda.so.1"
STATIC_WRONG = Advice(
    "EVIDENCE",
    "The run is right, the answer from the files is wrong: report it, with what `inspector show --format json` "
    "and `inspector runtime --format json` say of the image",
)
NOT_AS_EXPECTED = Advice(
    "EVIDENCE",
    "Either the host has a fault, which `nvidia-smi` and its kernel's log tell, or the prediction is wrong: report it, "
    "with what `inspector runtime --format json` says of the image",
)


class Disagreement(msgspec.Struct, frozen=True):
    """One point, and what either side says of it."""

    point: str
    static: str
    run: str


def check_agreement(case: Case) -> Iterator[Finding]:
    """Check that the run bears out what the files say of torch. What either side does not know is no disagreement.

    A disagreement fails whatever the role asks: one of the two answers that a verdict could rest on is wrong.
    """
    run, torch = case.facts.runtime, case.facts.torch
    if run is None or not run.ran:
        return
    if run.imported is None or _lacks_only_the_driver(run):
        what = "tells nothing of torch" if run.imported is None else "can't import torch without a GPU's driver"
        message = f"the container that was run {what}: {failure(run)}"
        yield case.found("warn", RUN_SILENT, message, Shown(label(torch), "not known"))
        return
    found = [*disagreements(torch, run), *_architectures(case.facts.gpu, run)]
    for each in found:
        message = f"{each.point}: the files say {each.static}, the run says {each.run}"
        shown = Shown(each.run, each.static)
        yield case.found("fail", STATIC_WRONG, message, shown, where(case, torch))
    strange = list(unexpected(run))
    for each in strange:
        message = f"{each.point}: expected was {each.static}; the run says {each.run}"
        yield case.found("warn", NOT_AS_EXPECTED, message, Shown(each.static, each.run))
    if not found and not strange:
        told = run_label(run)
        yield case.passed(f"the run agrees: {told}", Shown(label(torch), told))


def check_ran(case: Case) -> Iterator[Finding]:
    """Check that a container was run and told of torch, where that is what was asked for."""
    run = case.facts.runtime
    if run is None or not run.ran or run.imported is None:
        why = failure(run) if run and run.ran else (run.why_not if run else "") or "no container was run"
        message = f"what `import torch` does: not verified here: {why}"
        yield case.found("unknown", RUN_SILENT, message, Shown("a run", "none"))


def disagreements(torch: Torch, run: RuntimeFacts) -> Iterator[Disagreement]:
    """Yield every point on which the two differ, where both say something."""
    yield from _imported(torch, run) if run.imported else _not_imported(torch, run)


def _imported(torch: Torch, run: RuntimeFacts) -> Iterator[Disagreement]:
    if torch.importable == "no" and not torch.installed and torch.path and not _is_like_torch(run):
        return  # a module of that name, which both sides say is another one
    if torch.importable == "no":
        why = "; ".join(torch.reasons)
        yield Disagreement("whether torch can be imported", f"no ({why})" if why else "no", f"yes ({run_label(run)})")
        return
    if not torch.installed:
        if run.torch is not None:
            yield Disagreement("whether torch is there", label(torch), run_label(run))
        return
    if torch.version and torch.version != run.torch:
        yield Disagreement("torch's version", torch.version, run.torch or "none")
    if torch.build != "unknown":
        yield from _builds(torch, run)


def _architectures(gpu: ImageGpu | None, run: RuntimeFacts) -> Iterator[Disagreement]:
    """Tell whether torch's own list is the one that its files state, where both are known."""
    stated = gpu.architectures if gpu is not None and run.imported else ()
    if not isinstance(stated, Unknown) and stated and run.arch_list and stated != run.arch_list:
        point = "the architectures that torch has code for"
        yield Disagreement(point, " ".join(stated), " ".join(run.arch_list))


def unexpected(run: RuntimeFacts) -> Iterator[Disagreement]:
    """Yield what a run on GPUs found otherwise than driver, GPUs and the image's files made expect."""
    expected = run.predicted
    if expected is None or not run.imported:
        return
    if None not in (expected.available, run.is_available) and expected.available is not run.is_available:
        static = f"{expected.available} ({expected.reason})"
        yield Disagreement("torch.cuda.is_available()", static, f"{run.is_available}{_because(run)}")
        return
    computes = {"works": True, "fails": False}.get(expected.verdict)
    if run.is_available and None not in (computes, run.computed) and computes is not run.computed:
        said = "it does" if run.computed else f"it does not{_because(run)}"
        yield Disagreement("whether torch computes on the GPUs", f"{expected.verdict}: {expected.reason}", said)


def _because(run: RuntimeFacts) -> str:
    return f" ({failure(run)})" if run.error is not None else ""


def _is_like_torch(run: RuntimeFacts) -> bool:
    """Tell whether what was imported answers as PyTorch does."""
    return any(said is not None for said in (run.is_available, run.cuda, run.hip))


def _builds(torch: Torch, run: RuntimeFacts) -> Iterator[Disagreement]:
    """Tell whether it is a CUDA or ROCm build, and for which version, where the files state one."""
    for build, static, said in (("cuda", torch.cuda, run.cuda), ("rocm", torch.hip, run.hip)):
        name = label_of(build)
        if (torch.build == build) != (said is not None):
            yield Disagreement("torch's build", build_name(torch), f"{name} {said}" if said else f"no {name}")
        elif said is not None and static and static != said:
            yield Disagreement(f"the {name} that torch was built for", static, said)


def _not_imported(torch: Torch, run: RuntimeFacts) -> Iterator[Disagreement]:
    missing = run.error is not None and (run.error.type, run.error.message) == ("ModuleNotFoundError", _NO_TORCH)
    if torch.importable == "yes":
        yield Disagreement("whether torch can be imported", f"yes ({label(torch)})", f"no ({failure(run)})")
    elif torch.installed and missing:
        yield Disagreement("whether torch is there", label(torch), f"no ({failure(run)})")
    elif torch.importable == "no" and not torch.installed and not torch.path and run.error and not missing:
        yield Disagreement("whether torch is there", label(torch), f"something that fails ({failure(run)})")


def _lacks_only_the_driver(run: RuntimeFacts) -> bool:
    """Return some builds link the driver's library, which only a host with a GPU hands to a container."""
    return run.imported is False and not run.gpu and run.error is not None and _DRIVER in run.error.message


EXPLAINED = Explanation(
    proves="A run of the image agrees with what was said from its files and, on a GPU host, predicted from the driver.",
    unknown="A container was run, but said nothing of torch.",
    mend=(
        "A difference is a mistake of inspector, or the image was changed between reading and running. Check the "
        "image again; if it stays, report it with the output of `--format json`."
    ),
)
RAN_EXPLAINED = Explanation(
    proves="A container of the image was run and said what `import torch` does; `inspector runtime` alone asks for it.",
    unknown="No container was run, or it ended without an answer; the message says why.",
    mend=(
        "Run the container by hand with the command of the advice, and read its error. `--timeout` and `--memory` "
        "give it more room."
    ),
)
RULE = Rule(check="static-vs-runtime", explanation=EXPLAINED, test=check_agreement, facts="run")
RAN = Rule(  # for `runtime`, which judges a run in no role
    check="runtime", explanation=RAN_EXPLAINED, test=check_ran, facts="run"
)
