"""The result of an audit of registries, as values: its plan, a result for each image, and what was left undone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from inspector.facts import Evidence, ImageFacts
from inspector.facts.model import Size
from inspector.oci import Platform
from inspector.policy.model import SCHEMA, ErrorFact, Finding, Outcome, Result, finding_rows, verdict, worst
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown
from inspector.values import Plain, Row, Tabled

_NUMBER = r"(?a)([0-9]+)"


class Planned(Plain, frozen=True, kw_only=True):
    """What is to be done: tags asked for, distinct images behind them, and the distinct layers that are needed.

    `layers_known` of the layers, `bytes_known` as stored, are in the cache; `bytes_to_fetch` is at most what the
    others take. `no_images` tags are signatures and the like, `filtered` were not asked for, the policy's `ignore` left
    `ignored` out, `unreadable` tags or repositories gave an error; `unread` images are decided without any layer.
    """

    repositories: int = 0
    tags: int = 0
    filtered: int = 0
    ignored: int = 0
    no_images: int = 0
    unreadable: int = 0
    images: int = 0
    unread: int = 0
    layers: int = 0
    layers_known: int = 0
    bytes_known: int = 0
    bytes_to_fetch: int = 0


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit was kept from: tags not asked for, images not judged for want of layers, and these layers.

    `why` names the bound, or the registry that was lost; empty where nothing was left.
    """

    why: str = ""
    tags: int = 0
    images: int = 0
    layers: int = 0
    bytes: int = 0


class Ended(Plain, frozen=True, kw_only=True):
    """How the audit ended: what was fetched, in layers, in bytes, in requests of any kind; and what was left."""

    layers_fetched: int
    bytes_fetched: int
    requests: int
    left: Left = Left()
    warnings: tuple[str, ...] = ()


class Audited(Tabled, frozen=True, kw_only=True):
    """One image in one role, or what could not be read; a line of `audit --format jsonl`.

    `tags` are all those of `repository` that lead to the image and are in the role; `digest` is what the first
    of them points at. `outcome` is null only where no policy was asked. `torch`, `python` and `size` are null where
    the layers were not read; `dockerfile`, `line`, `waived` and `known` are as in `Result`.
    """

    schema: str = SCHEMA
    image: str
    repository: str
    tags: tuple[str, ...] = ()
    digest: str | None = None
    image_id: str | None = None
    platform: Platform | None = None
    role: str | None = None
    outcome: Outcome | None
    findings: tuple[Finding, ...] = ()
    torch: Torch | None = None
    python: str | None = None
    size: Size | None = None
    layers: int | None = None
    warnings: tuple[str, ...] = ()
    evidence: Evidence | None = None
    error: ErrorFact | None = None
    dockerfile: str | None = None
    line: int | None = None
    waived: int = 0
    known: int = 0

    def records(self) -> list[Row]:
        """Return a flat row for each finding, as `pandas.DataFrame` takes them.

        Without findings there is one row, without a check.

        >>> plan, audited, end = inspector.audit("registry.example.com/team/worker", "roles.toml")
        >>> audited.records()[0]["verdict"]
        'pass'
        """
        image: Row = {
            "image": self.image,
            "repository": self.repository,
            "tags": ", ".join(self.tags),
            "digest": self.digest,
            "platform": None if self.platform is None else str(self.platform),
            "role": self.role,
            "verdict": self.outcome,
            "error": None if self.error is None else self.error.message,
        }
        return [{**image, **row} for row in finding_rows(self.findings)]

    def _headline(self) -> str:
        return verdict(self.image, self.role, self.outcome, self.findings)

    def _table(self) -> list[Row]:
        return list(finding_rows(self.findings))


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry told of one of its manifests, and when; `host` is what the client had called the registry."""

    action: Literal["push", "pull"]
    host: str | None
    repository: str
    tag: str | None
    digest: str
    when: str | None


class Noticed(Audited, frozen=True, kw_only=True):
    """An image that was checked because a registry told of it; a line of `audit --watch`."""

    event: Notice


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole audit as one document: what `audit --format json` prints. `ended` is null after a whole plan."""

    schema: str = SCHEMA
    outcome: Outcome | None
    plan: Planned
    results: tuple[Audited, ...]
    ended: Ended | None


def outcome_of_audit(outcomes: Iterable[Outcome | None], left: Left) -> Outcome:
    """Return the outcome of the audit: the worst of all; what was left undone, or never met, is not known.

    Where no policy was asked, an image without an error counts as well.
    """
    met: set[Outcome] = {outcome or "pass" for outcome in outcomes}
    return worst(met | {"unknown"} if left.why else met)


def python_of(facts: ImageFacts) -> str | None:
    """Return the version of the interpreter; None where there is none, or it is not known."""
    return None if isinstance(facts.interpreter, Unknown) else facts.interpreter.version


def natural(text: str) -> tuple[tuple[str, int], ...]:
    """Return a key that orders numbers within text by their value: `run-9` before `run-10`."""
    pieces = re.split(_NUMBER, text)
    return tuple((piece, -1) if at % 2 == 0 else ("", int(piece)) for at, piece in enumerate(pieces))


def as_result(audited: Audited) -> Result:
    """Return the verdict alone, without facts."""
    return Result(
        image=audited.image,
        role=audited.role,
        outcome=audited.outcome or ("unknown" if audited.error else "pass"),
        findings=audited.findings,
        facts=None,
        error=audited.error,
        dockerfile=audited.dockerfile,
        line=audited.line,
        waived=audited.waived,
        known=audited.known,
    )
