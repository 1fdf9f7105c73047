"""Findings, verdicts and the report, as values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from inspector.facts import ImageFacts

Outcome = Literal["pass", "warn", "unknown", "fail"]
Category = Literal["CODE_BUG", "ENVIRONMENT", "EVIDENCE"]

SCHEMA = "inspector/1"
WORST_FIRST: tuple[Outcome, ...] = ("fail", "unknown", "warn", "pass")
"""A failure beats all, and not knowing beats a warning."""


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


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one check. `advice` is empty for a pass; `category` says whose fault a failure is."""

    check: str
    outcome: Outcome
    message: str
    category: Category | None = None
    expected: str = ""
    actual: str = ""
    advice: str = ""
    evidence: Pointer = Pointer()


class ErrorFact(msgspec.Struct, frozen=True):
    """Why an image could not be read: an error's `kind` and its sentence; `near` are names that are there."""

    kind: str
    message: str
    near: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one image in one role.

    `dockerfile` is the role's, `line` its line that made the layer at fault; None where the file can't be read beside
    the policy, or the build step isn't found in it.
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


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on all images; what `check --format json` prints. `warnings` are about the run, not one image."""

    schema: str = SCHEMA
    outcome: Outcome
    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of the whole. Of nothing: unknown."""
    found = set(outcomes)
    return next((outcome for outcome in WORST_FIRST if outcome in found), "unknown")


def exit_code(outcome: Outcome, met: Iterable[Outcome | None] = (), fail_on: Collection[str] = ()) -> int:
    """Return 0 if all pass (warnings included), 1 if a check failed, 3 if something is not known and nothing failed.

    An outcome in `fail_on` counts as a failure, be it that of the whole or one of those `met`.

    >>> exit_code("warn"), exit_code("warn", fail_on=["warn"]), exit_code("unknown", ["warn", "unknown"], ["warn"])
    (0, 1, 1)
    """
    if any(each in fail_on for each in (outcome, *met)):
        return 1
    return {"pass": 0, "warn": 0, "fail": 1, "unknown": 3}[outcome]
