"""What a run of an image found, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from inspector.facts.runtime import RuntimeFacts
from inspector.policy.runs import device_name, run_label
from inspector.report.canvas import words
from inspector.report.text import seconds

_ANSWERS = {True: ("yes", "green"), False: ("no", "red"), None: ("not known", "magenta")}


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
