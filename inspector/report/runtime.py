"""What running an image showed, beside what its files say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from inspector.facts import ImageFacts
from inspector.policy.judge import judge_run
from inspector.policy.match import shown_name
from inspector.policy.model import Finding
from inspector.report.canvas import STYLES, draw, hanging, indented, labelled, symbol, words
from inspector.report.running import run_lines
from inspector.report.text import torch_build, torch_version


def render_runtime(facts: Sequence[ImageFacts], *, width: int = 120, color: bool = False) -> str:
    """Write the images one below another: what its files say, what its container said, the verdict on both."""
    parts: list[RenderableType] = []
    for each in facts:
        parts += ["", *_image(each)] if parts else _image(each)
    return draw(parts, width=width, color=color)


def _image(facts: ImageFacts) -> Iterator[RenderableType]:
    yield words(shown_name(facts.reference, facts.tags), "bold underline")
    yield indented(labelled(_static(facts)), 2)
    if facts.runtime is not None:
        yield indented(labelled(run_lines(facts.runtime)), 2)
    for finding in judge_run(facts).findings:
        yield indented(_sentence(finding), 2)


def _static(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    build = f", {torch_build(facts)} build" if facts.torch.installed else ""
    yield "files", words(f"torch {torch_version(facts)}{build}")


def _sentence(finding: Finding) -> RenderableType:
    style = f"bold {STYLES[finding.outcome]}"
    sentence = Text.assemble(words(finding.check, style), ": ", words(finding.message), overflow="fold")
    if finding.advice:
        sentence = Text("\n").join([sentence, words(finding.advice, "cyan")])
    return hanging(symbol(finding.outcome), sentence)
