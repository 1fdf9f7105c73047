"""Findings, verdicts and the report, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

import msgspec

from inspector.facts import ImageFacts
from inspector.values import Plain, Row, Tabled
from inspector.words import count

Outcome = Literal["pass", "warn", "unknown", "fail"]
FindingOutcome = Literal["pass", "warn", "unknown", "fail", "waived", "known"]
"""Of one finding: `waived` was let pass by a person for a time, `known` was there when the baseline was written."""
Category = Literal["CODE_BUG", "ENVIRONMENT", "EVIDENCE"]

SCHEMA = "inspector/1"
CHECKS_PAGE = "docs/reference/checks.md"
"""The page of the documentation that explains each check, below a heading that is the check's id."""
WORST_FIRST: tuple[Outcome, ...] = ("fail", "unknown", "warn", "pass")
"""A failure beats all, and not knowing beats a warning."""
EXCUSED: tuple[FindingOutcome, ...] = ("waived", "known")
"""Outcomes that are shown and counted, and fail nothing."""
FINDINGS_WORST_FIRST: tuple[FindingOutcome, ...] = ("fail", "unknown", "warn", "waived", "known", "pass")


class Advice(msgspec.Struct, frozen=True):
    """Whose fault a failure is, and what to do: a template, whose words `Case.found` fills in.

    `{dockerfile}` is the role's, `{origin}` names the build step at fault, `{change}` is what to change, in the words
    of the installer that made the image. `procedure` stands in place of `text` where the JSON of the procedure is the
    policy, whose images are all made by `uv sync`.
    """

    category: Category
    text: str
    procedure: str = ""


class Pointer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a finding was seen: a path, the layer (from 0 at the base up; and its diff_id), its build step, bytes.

    `line` is the line of the role's Dockerfile with that step, if it was found there.
    """

    path: str | None = None
    layer: int | None = None
    diff_id: str | None = None
    created_by: str | None = None
    bytes: int | None = None
    line: int | None = None


class Waived(msgspec.Struct, frozen=True):
    """Why a finding was let pass, and the last day of that, as in `2027-01-31`."""

    reason: str
    expires: str


class Finding(Plain, frozen=True, kw_only=True):
    """The answer to one check. `advice` is empty for a pass; `category` says whose fault a failure is.

    `page` is the place in the documentation that explains the check; None for a check that was added from outside.
    `subject` is the package, path or module that the finding is about, of a check that may have several findings.
    `id` is the finding's identity from one run to the next, whatever the image's tag.
    `waived` is the waiver of a finding that is `waived`; `accepted` the reason that the baseline keeps of one that is
    `known`, empty where none was stated.
    """

    check: str
    outcome: FindingOutcome
    message: str
    category: Category | None = None
    expected: str = ""
    actual: str = ""
    advice: str = ""
    evidence: Pointer = Pointer()
    page: str | None = None
    subject: str | None = None
    id: str = ""
    waived: Waived | None = None
    accepted: str | None = None


class ErrorFact(msgspec.Struct, frozen=True):
    """Why an image could not be read: an error's `kind` and its sentence; `near` are names that are there."""

    kind: str
    message: str
    near: tuple[str, ...] = ()


class Result(Tabled, frozen=True, kw_only=True):
    """The verdict on one image in one role.

    `dockerfile` is the role's, `line` its line that made the layer at fault; None where the file can't be read beside
    the policy, or the build step isn't found in it. `waived` and `known` count findings of that outcome, with which an
    image does not pass, but has a warning.

    >>> inspector.check("worker.tar", "roles.toml").results[0]
    <Result ktrdr-worker-cpu:test as 'worker': pass>
    """

    image: str
    role: str | None
    outcome: Outcome
    findings: tuple[Finding, ...]
    facts: ImageFacts | None
    error: ErrorFact | None = None
    description: str = ""
    dockerfile: str | None = None
    line: int | None = None
    waived: int = 0
    known: int = 0

    def records(self) -> list[Row]:
        """Return a flat row for each finding; an image without findings has one row without a check."""
        image: Row = {"image": self.image, "role": self.role, "verdict": self.outcome}
        return [{**image, **row} for row in finding_rows(self.findings)]

    def summary(self) -> Row:
        """Return the image, its verdict and what its torch is in one flat row; what is not known is left out."""
        failed = "; ".join(each.message for each in self.findings if each.outcome != "pass")
        facts = self.facts.summary() if self.facts is not None else {}
        return {"image": self.image, "role": self.role, "verdict": self.outcome, "why": failed, **facts}

    def _headline(self) -> str:
        return verdict(self.image, self.role, self.outcome, self.findings)

    def _table(self) -> list[Row]:
        return self.records()


class Report(Tabled, frozen=True, kw_only=True):
    """The verdict on all images; what `check --format json` prints. `warnings` are about the run, not one image.

    `ignored` counts the images that the policy's `ignore` left out, `stale` the waivers and known findings that no
    finding fits any more, and that may be removed.

    >>> report = inspector.check(["api.tar", "worker.tar"], "roles.toml")
    >>> report
    <Report pass: 2 images, 2 pass>
    >>> report.to_dict()["outcome"]
    'pass'
    """

    schema: str = SCHEMA
    outcome: Outcome
    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()
    ignored: int = 0
    stale: int = 0

    def records(self, of: Literal["findings", "images"] = "findings") -> list[Row]:
        """Return a flat row for each finding, or each image, as `pandas.DataFrame` takes them.

        Raises `ValueError` for rows of anything else.

        >>> report = inspector.check(["api.tar", "worker.tar"], "roles.toml")
        >>> [(row["role"], row["message"]) for row in report.records() if row["check"] == "torch"]
        [('api', 'torch is not installed'), ('worker', 'torch 2.13.0+cpu (CPU build) can be imported')]
        >>> [(row["role"], row["verdict"], row["build"]) for row in report.records("images")]
        [('api', 'pass', None), ('worker', 'pass', 'cpu')]
        """
        if of not in ("findings", "images"):
            raise ValueError(f"no records of {of!r}: write 'findings' or 'images'")
        if of == "images":
            return [each.summary() for each in self.results]
        return [row for each in self.results for row in each.records()]

    def _headline(self) -> str:
        tally = Counter(each.outcome for each in self.results)
        findings = {"waived": sum(each.waived for each in self.results), "known": sum(e.known for e in self.results)}
        told = [f"{self.outcome}: {count(len(self.results), 'image')}"]
        told += [f"{tally[each]} {each}" for each in WORST_FIRST if tally[each]]
        return ", ".join(told + [f"{number} {word}" for word, number in findings.items() if number])

    def _table(self) -> list[Row]:
        columns = ("image", "role", "verdict", "torch", "build", "why")
        return [{key: row.get(key) for key in columns} for row in self.records("images")]


def finding_rows(findings: Collection[Finding]) -> Iterator[Row]:
    """Yield a flat row for each finding, and one without a check if there are no findings: no image is left out."""
    fields = ("check", "outcome", "message", "expected", "actual", "advice")
    if not findings:
        yield dict.fromkeys((*fields, "path", "layer"))
    for each in findings:
        yield {
            **{field: getattr(each, field) for field in fields},
            "path": each.evidence.path,
            "layer": each.evidence.layer,
        }


def verdict(image: str, role: str | None, outcome: Outcome | None, findings: Iterable[Finding]) -> str:
    """Say in one line what became of an image, and which checks it didn't pass."""
    failed = ", ".join(dict.fromkeys(each.check for each in findings if each.outcome != "pass"))
    in_role = f"as {role!r}" if role else "in no role"
    return f"{image} {in_role}: {outcome or 'not judged'}{f' ({failed})' if failed else ''}"


def page_of(check: str) -> str:
    """Return the place in the documentation that explains one of our checks.

    >>> page_of("torch-build")
    'docs/reference/checks.md#torch-build'
    """
    return f"{CHECKS_PAGE}#{check}"


def worst(outcomes: Iterable[FindingOutcome]) -> Outcome:
    """Return the outcome of the whole: what is waived or known is a warning. Of nothing: unknown."""
    found = {"warn" if each in EXCUSED else each for each in outcomes}
    return next((outcome for outcome in WORST_FIRST if outcome in found), "unknown")


def counted(outcome: Outcome, findings: Iterable[Finding]) -> Outcome:
    """Return what counts for the exit code: waived and known findings alone make no warning."""
    excused = outcome == "warn" and all(each.outcome in ("pass", *EXCUSED) for each in findings)
    return "pass" if excused else outcome


def exit_code(outcome: Outcome, met: Iterable[Outcome | None] = (), fail_on: Collection[str] = ()) -> int:
    """Return 0 if all pass (warnings included), 1 if a check failed, 3 if something is not known and nothing failed.

    An outcome in `fail_on` counts as a failure, be it that of the whole or one of those `met`.

    >>> exit_code("warn"), exit_code("warn", fail_on=["warn"]), exit_code("unknown", ["warn", "unknown"], ["warn"])
    (0, 1, 1)
    """
    if any(each in fail_on for each in (outcome, *met)):
        return 1
    return {"pass": 0, "warn": 0, "fail": 1, "unknown": 3}[outcome]
