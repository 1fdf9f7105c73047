"""The options of `check` about time: an earlier image, a baseline, and the day on which waivers count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli.option import option, together
from inspector.cli.options import checked, today_option

if TYPE_CHECKING:
    from inspector.policy.baselines import Baseline


def _baseline(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Baseline | None:
    if value is None:
        return None
    from inspector.policy.baselines import load_baseline  # most runs have none

    return load_baseline(value)


def _reference(name: str) -> str:
    if not name:
        return name
    from inspector.policy.values import reference  # most runs compare nothing

    return reference(name)


against_option = option(
    "--against",
    default="",
    callback=checked(_reference),
    metavar="REF",
    help="Compare with this earlier image: size, build and Python as they were, no packages added.",
)
"""`--against`: an image that all are compared with."""
over_time_options = together(
    against_option,
    option(
        "--baseline",
        type=click.Path(path_type=Path),
        callback=_baseline,
        metavar="FILE",
        help="What `inspector baseline` wrote: findings in it are known, and fail nothing.",
    ),
    today_option,
    option("--strict", is_flag=True, help="Exit with 1 where a waiver or a known finding may be removed."),
)
"""`strict` fails on what the policy or the baseline lets pass without need."""
