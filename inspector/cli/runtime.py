"""`inspector runtime`: what really happens when an image imports torch and uses a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, report_options
from inspector.cli.option import option
from inspector.cli.options import reading, reading_options, size_of
from inspector.report.formats import formats

if TYPE_CHECKING:
    from inspector.facts import ImageFacts

_LEAST_MEMORY = 64 << 20


def _memory(context: click.Context, parameter: click.Parameter, value: str) -> int:
    size = size_of(context, parameter, value) or 0
    if not _LEAST_MEMORY <= size < 1 << 50:
        raise click.BadParameter(f"{value!r}: no interpreter imports torch in less than 64 MiB", context, parameter)
    return size


@click.command("runtime", cls=Command, short_help="Run images to see whether torch imports and CUDA computes.")
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@report_options("runtime")
@option(
    "--gpu",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    show_default=True,
    help="Pass all GPUs through: if the host has any, always, or never.",
)
@option(
    "--timeout",
    type=click.FloatRange(min=1, max=3600),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="When to kill a container.",
)
@option(
    "--memory",
    callback=_memory,
    default="4 GiB",
    show_default=True,
    metavar="SIZE",
    help="The most memory that a container may take.",
)
@reading_options
def command(
    references: tuple[str, ...],
    *,
    reports: Sequence[Destination],
    gpu: Any,
    timeout: float,
    memory: int,
    quiet: bool,
    **given: Any,
) -> int:
    """Run an engine's images, and say whether torch imports as their files promise and CUDA computes.

    In a container of each, the image's own Python imports torch, and computes where the host has a GPU. The
    container has no network, no capabilities, nothing to write to but memory, and is removed.

    \b
      inspector runtime worker-gpu:test
      inspector runtime --gpu always --format json worker-gpu:test
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.show import complain_of_failures
    from inspector.pipeline.runtime import run  # all that reads images comes with it
    from inspector.runtime.sandbox import Limits

    limits = Limits(seconds=timeout, memory=memory)
    with reading(quiet=quiet, **given) as (options, progress):
        seen = run(references, options, progress, gpu=gpu, limits=limits)
    facts = [each.facts for each in seen if each.facts is not None]
    emit_reports("runtime", facts, [each for each in reports if facts or formats("runtime")[each.form].whole])
    return _exit_code(facts, complain_of_failures(seen))


def _exit_code(facts: list[ImageFacts], unread: int) -> int:
    """Return 1 where a run failed or contradicts the files, else the code for what is not known."""
    from inspector.policy.judge import judge_run
    from inspector.policy.model import exit_code

    codes = {exit_code(judge_run(each).outcome) for each in facts}
    return 1 if 1 in codes else max(codes | {unread}, default=0)
