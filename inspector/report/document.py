"""The JSON documents that scripts read: what `--format json` prints, versioned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from inspector.escape import escape
from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.oci import Platform
from inspector.policy import baselines
from inspector.policy.model import SCHEMA, Finding, Outcome
from inspector.torchbuild.model import Torch

_INDENT = 2
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class ShowError(msgspec.Struct, frozen=True, kw_only=True):
    """Why an image that was named has no facts: its error's `kind` and sentence; `near` are names that are there."""

    reference: str
    kind: str
    message: str
    near: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of images, without a verdict: what `show --format json` prints. `errors` are of those not read."""

    schema: str = SCHEMA
    images: tuple[ImageFacts, ...]
    errors: tuple[ShowError, ...] = ()


class RunImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image that was to be run: what its files say of torch, what its container said, the verdict on both."""

    reference: str
    source: str
    image_id: str | None
    platform: Platform
    tags: tuple[str, ...]
    torch: Torch
    runtime: RuntimeFacts | None
    outcome: Outcome
    findings: tuple[Finding, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What `runtime --format json` prints."""

    schema: str = SCHEMA
    images: tuple[RunImage, ...]


def render_runtime(images: Iterable[ImageFacts]) -> str:
    """Return what running images showed, in the form of `render_show`."""
    return encode(Run(images=tuple(map(_run, images))))


def _run(facts: ImageFacts) -> RunImage:
    from inspector.policy.judge import judge_run  # all checks come with it, and one document needs them

    result = judge_run(facts)
    seen = ("reference", "source", "image_id", "platform", "tags", "torch", "runtime")
    told = {name: getattr(facts, name) for name in seen}
    return RunImage(**told, outcome=result.outcome, findings=result.findings)


def render_show(images: Iterable[ImageFacts], *, errors: tuple[ShowError, ...] = ()) -> str:
    """Return the facts as one document, and a line end."""
    return encode(Shown(images=tuple(images), errors=errors))


def render_baseline(baseline: baselines.Baseline) -> str:
    """Return the text of a baseline's file: one entry a line, sorted, so that changes of it are read and merged."""
    entries = ",\n".join(encode_line(each).rstrip("\n") for each in baseline.entries())
    listed = f"\n{entries}\n" if entries else ""
    return f'{{"schema":"{baselines.SCHEMA}","images":[{listed}]}}\n'


def encode(document: Any) -> str:
    """Return `document` as JSON, two spaces deep, whose strings hold nothing that a terminal would act upon.

    What has no ink is written as JSON's own escape, so a reader gets the very text; only lone surrogates,
    which JSON can't carry, come as the six characters that name them.
    """
    return msgspec.json.format(_inked(document), indent=_INDENT) + "\n"


def encode_line(document: Any) -> str:
    """Return as `encode`, in one line."""
    return f"{_inked(document)}\n"


def _inked(document: Any) -> str:
    plain = msgspec.to_builtins(document)
    try:
        text = msgspec.json.encode(plain).decode()
    except UnicodeEncodeError:
        text = msgspec.json.encode(_carried(plain)).decode()
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _carried(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub(lambda found: escape(found[0]), value)
        case dict():
            return {_carried(key): _carried(each) for key, each in value.items()}
        case list() | tuple():
            return [_carried(each) for each in value]
        case _:
            return value
