"""The options of `check` about time: an earlier image, a baseline, and the day on which waivers count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from inspector.cli.options import today_option

if TYPE_CHECKING:
    from inspector.policy.baselines import Baseline

Command = TypeVar("Command", bound=Callable[..., Any])


def against_option(command: Command) -> Command:
    """Add `--against`: an image that all are compared with."""
    return click.option(
        "--against",
        default="",
        callback=_reference,
        metavar="REF",
        help="Compare with this earlier image: size, build and Python as they were, no packages added.",
    )(command)


def over_time_options(command: Command) -> Command:
    """Add the options; `strict` fails on what the policy or the baseline lets pass without need."""
    for option in reversed(
        (
            against_option,
            click.option(
                "--baseline",
                type=click.Path(path_type=Path),
                callback=_baseline,
                metavar="FILE",
                help="What `inspector baseline` wrote: findings in it are known, and fail nothing.",
            ),
            today_option,
            click.option(
                "--strict", is_flag=True, help="Exit with 1 where a waiver or a known finding may be removed."
            ),
        )
    ):
        command = option(command)
    return command


def _baseline(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Baseline | None:
    if value is None:
        return None
    from inspector.policy.baselines import load_baseline  # most runs have none

    return load_baseline(value)


def _reference(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value:
        return value
    from inspector.policy.values import reference  # most runs compare nothing

    try:
        return reference(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
