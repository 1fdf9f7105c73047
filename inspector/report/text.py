"""Words that all reports share; what an image chose itself comes escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from inspector.escape import escape
from inspector.facts import ImageFacts
from inspector.policy.findings import CAME_WITH
from inspector.policy.model import EXCUSED, Category, ErrorFact, Finding, FindingOutcome, Outcome, Report, Result
from inspector.policy.runs import described, run_label
from inspector.policy.steps import readable
from inspector.python.model import Distribution
from inspector.reference import Scheme
from inspector.sizes import show_size
from inspector.torchbuild.model import build_name
from inspector.unknown import Absent, Unknown
from inspector.words import count, first_few

NOTHING = "-"
UNSEEN = "?"
"""In place of a number that nobody looked at."""
SYMBOLS: dict[FindingOutcome, str] = {
    "pass": "✔",
    "warn": "▲",
    "unknown": "?",
    "fail": "✘",
    "waived": "~",
    "known": "=",
}
PAST: dict[Outcome, str] = {"pass": "passed", "warn": "with warnings", "unknown": "unknown", "fail": "failed"}
"""What became of images that were checked."""
IMPORTABLE = {"yes": "can be imported", "no": "can't be imported", "unknown": "may be importable or not"}
_MINUTE = 60.0
_MEDIA = {
    Scheme.DOCKER_ARCHIVE.value: "tar",
    Scheme.OCI_ARCHIVE.value: "tar",
    Scheme.OCI.value: "layout",
    Scheme.DIR.value: "layout",
}
"""What people call the media of `ImageFacts.source`; engines and registries go by their names."""
CATEGORIES: dict[Category, str] = {"CODE_BUG": "image build", "ENVIRONMENT": "environment", "EVIDENCE": "not proved"}
"""What people call the categories, which documents for programs name as the procedure does."""
STEP = 400
"""Characters of a build step that details show."""


def seconds(span: float) -> str:
    """Return a span of time in at most three digits: `0.04 s`, `12.3 s`, `2 min 05 s`."""
    if span >= _MINUTE:
        return f"{int(span // _MINUTE)} min {int(span % _MINUTE):02} s"
    digits = 2 if span < 10 else 1
    return f"{span:.{digits}f} s"


def torch_version(facts: ImageFacts | None) -> str:
    """Return the torch that `python` would import, in one word: its version, `absent`, `broken`, `unknown`."""
    if facts is None:
        return NOTHING
    torch = facts.torch
    if torch.installed:
        return escape(torch.version or torch.distribution_version or "version unknown")
    if undecided(facts):
        return "unknown"
    return "namespace only" if torch.importable == "yes" else "absent"


def python_version(facts: ImageFacts) -> str:
    """Return the version of the interpreter, `absent` or `unknown`."""
    match facts.interpreter:
        case Absent():
            return "absent"
        case Unknown():
            return "unknown"
        case python:
            return python.version


def origin(facts: ImageFacts | None) -> str:
    """Say where the image was read from: `docker`, `podman`, `registry`, `tar` or `layout`."""
    return NOTHING if facts is None else _MEDIA.get(facts.source, escape(facts.source))


def undecided(facts: ImageFacts) -> bool:
    """Tell whether not even the presence of torch can be told."""
    if isinstance(facts.interpreter, Absent):
        return False
    return isinstance(facts.interpreter, Unknown) or (not facts.torch.installed and facts.torch.importable == "unknown")


def torch_build(facts: ImageFacts | None) -> str:
    """Return the build of the torch installed, and whether it can't be imported."""
    if facts is None or not facts.torch.installed:
        return NOTHING
    broken = {"yes": "", "no": ", broken", "unknown": ""}[facts.torch.importable]
    return escape(build_name(facts.torch)) + broken


def expected_torch(result: Result) -> str:
    """Return what the role asks of torch, as its findings state it; a dash where it asks nothing."""
    wanted = {finding.check: finding.expected for finding in result.findings if finding.expected}
    parts = [wanted[check] for check in ("torch", "cuda") if check in wanted]
    return escape(" ".join(parts)) or NOTHING


TITLES = ("Image", "Role", "From", "Torch", "Build", "Expected", "Verdict", "Size")
"""What the summary of a check has in its columns."""


def cells_of(result: Result, marks: Mapping[FindingOutcome, str] = SYMBOLS) -> tuple[str, ...]:
    """Return what stands below each of the titles, not all of it escaped; `marks` stand before the verdict."""
    facts = result.facts
    return (
        result.image,
        result.role or NOTHING,
        origin(facts),
        torch_version(facts),
        torch_build(facts),
        expected_torch(result),
        f"{marks[result.outcome]} {result.outcome.upper()}",
        size(facts.size.uncompressed) if facts else NOTHING,
    )


def shown_results(report: Report, *, only_failed: bool) -> tuple[Result, ...]:
    """Return the results that are shown: all, or those that don't pass."""
    return tuple(result for result in report.results if not only_failed or result.outcome != "pass")


def alike(results: Iterable[Result]) -> list[tuple[Result, ...]]:
    """Return the results in their order, those together that could not be read for one and the same reason."""
    found: dict[object, list[Result]] = {}
    for at, result in enumerate(results):
        advice = tuple(unnamed(result, finding.advice) for finding in result.findings)
        unread = result.error if result.facts is None else None
        found.setdefault((unnamed(result, unread.message), advice) if unread else at, []).append(result)
    return [tuple(each) for each in found.values()]


def unnamed(result: Result, text: str) -> str:
    """Return what is said of an image so that it fits others too."""
    return text.removeprefix(f"{result.image}: ").replace(result.image, "NAME")


def advice_of(finding: Finding) -> str:
    """Return what to do, without the build step and layer, which have lines of their own."""
    return finding.advice if finding.evidence.layer is None else finding.advice.partition(CAME_WITH)[0]


def as_finding(error: ErrorFact) -> Finding:
    """Return an error as a finding, for an image that has none."""
    return Finding(check=error.kind, outcome="unknown", message=error.message)


def details(finding: Finding, layer: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield what is known of a finding besides its message, each with its label, in the order of all formats.

    `layer` is what names its layer, in place of the number and the diff_id.
    """
    at = finding.evidence
    pairs = {
        "expected": finding.expected,
        "actual": finding.actual,
        "path": at.path,
        "layer": None if at.layer is None else layer or f"{at.layer + 1} {at.diff_id or ''}".rstrip(),
        "step": readable(at.created_by, STEP),
        "advice": advice_of(finding),
    }
    return ((label, text) for label, text in pairs.items() if text)


def excuse(finding: Finding) -> str:
    """Return why a finding that is waived or known fails nothing."""
    if finding.waived is not None:
        return f"until {finding.waived.expires}: {finding.waived.reason}"
    return f"accepted: {finding.accepted}" if finding.accepted else "the baseline has it"


def known_told(findings: Iterable[Finding]) -> str:
    """Return the known findings of one image in one line: by check, and subject where that tells them apart."""
    named = [" ".join(filter(None, (each.check, each.subject))) for each in findings if each.outcome == "known"]
    return f"{count(len(named), 'finding')} that the baseline has: {first_few(named)}"


def excused_told(findings: Iterable[Finding]) -> str:
    """Return `2 findings waived, 1 known`; empty where there are none."""
    outcomes = [finding.outcome for finding in findings]
    waived, known = (outcomes.count(each) for each in EXCUSED)
    told = [f"{count(waived, 'finding')} waived"] if waived else []
    told += [f"{known:,} known" if told else f"{count(known, 'finding')} known"] if known else []
    return ", ".join(told)


def headline(outcomes: Sequence[Outcome | None]) -> str:
    """Return `2 of 4 images fail`: the worst that is met, and of how many."""
    total = count(len(outcomes), "image")
    for outcome, one, many in (("fail", "fails", "fail"), ("unknown", "is unknown", "are unknown")):
        if number := sum(each == outcome for each in outcomes):
            verb = one if number == 1 else many
            return f"{total} {verb}" if number == len(outcomes) else f"{number:,} of {total} {verb}"
    if not outcomes:
        return "nothing checked"
    if all(outcome is None for outcome in outcomes):
        return total
    warned = sum(each == "warn" for each in outcomes)
    return f"{total} {'passes' if len(outcomes) == 1 else 'pass'}" + (f", {warned:,} with warnings" if warned else "")


def tally(outcomes: Sequence[Outcome | None]) -> str:
    """Return `40 pass, 3 fail`, the worst last."""
    words = {"pass": "pass", "warn": "with warnings", "unknown": "unknown", "fail": "fail"}
    return ", ".join(f"{outcomes.count(each):,} {word}" for each, word in words.items() if each in outcomes)


def all_well(report: Report) -> str:
    """Return what stands where all results are left out because they pass."""
    return f"{count(len(report.results), 'image')}: all checks passed"


_MUCH = 64_000_000
"""Bytes of single files and folders past which other access methods are named: an engine sends 75 to 250 MB/s."""
_SLOW = (
    "slow: the engine sent {} of folders, file by file; faster: root, or the engine's folder given read-only "
    "(`-v /var/lib/docker:/var/lib/docker:ro`), for the access method storage; `--access save` keeps what it reads"
)


def notes(facts: ImageFacts | None) -> tuple[str, ...]:
    """Return what is to be known besides of any verdict on these facts: that they are partial, then their warnings."""
    if facts is None:
        return ()
    if not facts.evidence.partial:
        return facts.warnings
    unseen = ["layers"]
    unseen += ["packages"] if isinstance(facts.distributions, Unknown) else []
    unseen += ["torch where `python` does not look"] if isinstance(facts.torch_elsewhere, Unknown) else []
    partial = f"partial: the engine was asked for single files; not looked at: {', '.join(unseen)}"
    slow = (_SLOW.format(show_size(facts.evidence.bytes_read)),) if facts.evidence.bytes_read >= _MUCH else ()
    return (partial, *slow, *facts.warnings)


def run_told(result: Result) -> str:
    """Return what a run showed, in one sentence; empty where there was none."""
    run = result.facts.runtime if result.facts else None
    if run is None:
        return ""
    if not run.ran:
        return f"not verified here: {run.why_not or 'no reason told'}"
    gpu = f"with {described(run)}" if run.gpu else "without a GPU"
    return f"{run_label(run)}, {gpu}, in {seconds(run.seconds)}"


def summary(outcomes: tuple[Outcome, ...], span: float, ignored: int = 0, excused: str = "") -> str:
    """Return `4 images: 2 passed, 1 with warnings, 1 failed in 0.42 s`: the line that goes to standard error.

    `excused` says what is waived or known.
    """
    tally = [f"{outcomes.count(outcome)} {word}" for outcome, word in PAST.items() if outcome in outcomes]
    left_out = f"; {count(ignored, 'image')} ignored" if ignored else ""
    told = f"{', '.join(tally) or 'nothing checked'}{left_out}{f'; {excused}' if excused else ''}"
    return f"{count(len(outcomes), 'image')}: {told} in {seconds(span)}"


def biggest_first(found: Iterable[Distribution]) -> list[Distribution]:
    """Return packages in the order of their sizes."""
    return sorted(found, key=lambda one: (-(one.size or 0), one.name))


def layer_told(finding: Finding, facts: ImageFacts | None) -> str | None:
    """Return the name of the layer where a finding was seen; None where it was seen in none."""
    at = finding.evidence
    of = len(facts.layers) if facts else None
    return None if at.layer is None else layer_name(at.layer, of, at.diff_id, at.bytes)


def layer_name(position: int, of: int | None, diff_id: str | None, size: int | None) -> str:
    """Return `4 of 9, 1.21 GB, sha256:0123456789ab`: layers are counted from 1 at the base."""
    parts = [f"{position + 1} of {of}" if of else f"{position + 1}"]
    parts += [show_size(size)] if size is not None else []
    parts += [short(diff_id)] if diff_id else []
    return ", ".join(parts)


def size(count_of_bytes: int | None) -> str:
    """Return an amount of bytes; a question mark where nobody looked."""
    return UNSEEN if count_of_bytes is None else show_size(count_of_bytes)


def short(digest: str) -> str:
    """Return a digest with the twelve digits that engines show."""
    algorithm, _, number = digest.partition(":")
    return f"{algorithm}:{number[:12]}"
