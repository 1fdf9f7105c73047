"""What running an image showed, beside what its files say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.policy.match import shown_name
from inspector.policy.runs import device_name, run_label
from inspector.report.canvas import draw_each, indented, labelled, sentence, words
from inspector.report.text import seconds, torch_build, torch_version

_ANSWERS = {True: ("yes", "green"), False: ("no", "red"), None: ("not known", "magenta")}


def render_runtime(facts: Sequence[ImageFacts], *, width: int = 120, color: bool = False) -> str:
    """Write the images one below another: what its files say, what its container said, the verdict on both."""
    return draw_each(map(_image, facts), width=width, color=color)


def _image(facts: ImageFacts) -> Iterator[RenderableType]:
    yield words(shown_name(facts.reference, facts.tags), "bold underline")
    yield indented(labelled(_static(facts)), 2)
    if facts.runtime is not None:
        yield indented(labelled(run_lines(facts.runtime)), 2)
    from inspector.policy.judge import judge_run  # all checks come with it, and `show` needs none

    for finding in judge_run(facts).findings:
        below = [words(finding.advice, "cyan")] if finding.advice else []
        yield indented(sentence(finding.outcome, finding.check, finding.message, *below), 2)


def _static(facts: ImageFacts) -> Iterator[tuple[str, Text]]:
    build = f", {torch_build(facts)} build" if facts.torch.installed else ""
    yield "files", words(f"torch {torch_version(facts)}{build}")


def run_lines(run: RuntimeFacts) -> Iterator[tuple[str, Text]]:
    """Yield what a run found, a label and a line for each; the same wherever it is shown."""
    if not run.ran:
        yield "run", words(f"not verified here: {run.why_not or 'no reason told'}", "magenta")
        return
    gpu = "with a GPU" if run.gpu else "without a GPU"
    yield "run", words(f"{run_label(run)}, {gpu}, in {seconds(run.seconds)}", "" if run.imported else "bold")
    if run.why_not:
        yield "", words(run.why_not)
    if run.gpu:
        yield "CUDA", Text.assemble("available: ", _ANSWERS[run.is_available], ", computes: ", _ANSWERS[run.computed])
    for device in run.devices:
        yield "GPU", words(device_name(device))
    versions = [f"driver {run.driver}"] if run.driver else []
    versions += [f"cuDNN {run.cudnn}"] if run.cudnn else []
    if versions:
        yield "", words(", ".join(versions))
    if run.arch_list:
        yield "", words(f"code for {', '.join(run.arch_list)}")
    if run.error and run.imported is not False:
        yield "error", words(f"{run.error.type}: {run.error.message}", "red")
