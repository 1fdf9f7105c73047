"""`inspector check`: the verdict."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from inspector.cli.options import (
    fail_on_option,
    format_option,
    import_option,
    output_option,
    reading,
    reading_options,
)

_POLICY_SUFFIXES = (".toml", ".json")


@click.command("check", short_help="Check images against their roles.")
@click.argument("arguments", nargs=-1, metavar="[POLICY] [REF]...")
@click.option("--role", metavar="NAME", help="Check every image against this role, regardless of its name.")
@format_option("check")
@output_option
@import_option
@click.option(
    "--runtime",
    type=click.Choice(("auto", "always", "never")),
    default="never",
    show_default=True,
    help="Run a container where the role asks for CUDA at run time: if the host has a GPU, always, or never.",
)
@fail_on_option
@click.option("--only-failed", is_flag=True, help="Leave out of tables and Markdown the images that pass.")
@click.option("-v", "--verbose", is_flag=True, help="Show the checks that pass too.")
@reading_options
def command(
    arguments: tuple[str, ...],
    *,
    form: str,
    fail_on: tuple[str, ...],
    output: Path | None,
    verbose: bool,
    only_failed: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Say of each image whether it suits its role: the right torch, of the right build, in the right size.

    POLICY is a .toml or .json file of roles; without one, inspector.toml or the [tool.inspector] of
    pyproject.toml is taken from this directory or the nearest above it. Without REF, the images that
    the policy lists are checked.

    \b
      inspector check roles.toml api.tar worker.tar
      docker save api:prod | inspector check --role api -
      inspector check --format junit -o report.xml images/*.tar
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit, rendered, say
    from inspector.pipeline import check  # all that reads images comes with it
    from inspector.policy.load import load_policy
    from inspector.policy.model import exit_code
    from inspector.report.text import summary

    begun = time.monotonic()
    path, references = _split(arguments)
    with reading(output=output, quiet=quiet, **given) as (options, progress):
        report = check(references, load_policy(path), options, progress)
    emit(rendered("check", report, form, output, passed=verbose, only_failed=only_failed), output)
    if not quiet:
        span = time.monotonic() - begun
        say(summary(tuple(result.outcome for result in report.results), span, report.ignored))
    return exit_code(report.outcome, [result.outcome for result in report.results], fail_on)


def _split(arguments: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """Part the policy, given or found, from the references."""
    if arguments and _is_policy(arguments[0]):
        return Path(arguments[0]), arguments[1:]
    return _nearest(Path.cwd()), arguments


def _is_policy(argument: str) -> bool:
    """Tell a policy by its ending, also one that doesn't exist: a typing error must not pass for an image."""
    path = Path(argument)
    return path.suffix.lower() in _POLICY_SUFFIXES and (path.is_file() or not (":" in argument or path.exists()))


def find_nearest(folder: Path) -> Path | None:
    """Find the policy of `folder`, else of the nearest above it. Raises `PolicyError` for an invalid one."""
    from inspector.policy.load import find_policy

    places = (find_policy(place) for place in (folder, *folder.parents))
    return next((found for found in places if found is not None), None)


def _nearest(folder: Path) -> Path:
    from inspector.errors import PolicyError

    found = find_nearest(folder)
    if found is not None:
        return found
    raise PolicyError(
        "no policy: name a .toml or .json file before the images, or write inspector.toml; `inspector show` needs none"
    )
