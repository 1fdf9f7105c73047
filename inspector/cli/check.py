"""`inspector check`: the verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, loading, report_options, want_sizes
from inspector.cli.option import is_policy, option
from inspector.cli.options import config_option, import_option, policy_option, reading, reading_options, verdict_options
from inspector.cli.over_time import over_time_options
from inspector.cli.role_options import NAME, policy_of, role_options, stated_role, told

if TYPE_CHECKING:
    from inspector.policy.role import Policy


@click.command("check", cls=Command, short_help="Check images against their roles.")
@click.argument("arguments", nargs=-1, metavar="[POLICY] [REF]...")
@policy_option
@option("--role", metavar="NAME", help="Check every image against this role, regardless of its name.")
@role_options
@report_options("check")
@import_option
@option(
    "--runtime",
    type=click.Choice(("auto", "always", "never")),
    default="never",
    show_default=True,
    help="Run a container where the role asks for CUDA at run time: if the host has a GPU, always, or never.",
)
@verdict_options
@over_time_options
@option("--only-failed", is_flag=True, help="Leave out of tables and Markdown the images that pass.")
@option(
    "-v",
    "--verbose",
    count=True,
    help="Show the checks that pass too, and on standard error what is read; -vv also each request.",
)
@config_option
@reading_options
def command(
    arguments: tuple[str, ...],
    *,
    reports: Sequence[Destination],
    fail_on: tuple[str, ...],
    exit_zero: bool,
    verbose: int,
    only_failed: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Check whether each image suits its role: the right torch, of the right build, in the right size.

    Options such as --torch state a role for all images. Otherwise POLICY, before the images or after -p, is a .toml
    or .json file of roles; without one, inspector.toml or the [tool.inspector] of pyproject.toml is taken from this
    directory or the nearest above it. Without REF, the images that the policy lists are checked.

    \b
      inspector check --torch cpu worker.tar
      docker save api:prod | inspector check --torch absent --max-size '500 MB' -
      inspector check roles.toml api.tar worker.tar
      inspector check -f table -f junit=report.xml images/*.tar
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import say
    from inspector.pipeline import check  # all that reads images comes with it
    from inspector.policy.model import counted, exit_code, worst
    from inspector.policy.selection import Checks
    from inspector.report.text import excused_told, summary

    begun = time.monotonic()
    path, references = split_policy(arguments, given.pop("policy"))
    strict = given.pop("strict")
    stated = stated_role(given)
    roles = _role_on_the_line(stated, path, references, given) if stated else policy_named(path)
    given |= {"sizes": want_sizes("check", reports), "meanwhile": loading("check", reports)}
    with reading(quiet=quiet, **given) as (options, progress):
        report = check(references, roles, options, progress)
    emit_reports("check", report, reports, roles, passed=bool(verbose), only_failed=only_failed)
    if not quiet:
        chosen = str(Checks(select=options.select, ignore=options.ignore))
        excused = excused_told(finding for result in report.results for finding in result.findings)
        outcomes = tuple(result.outcome for result in report.results)
        line = summary(outcomes, time.monotonic() - begun, report.ignored, excused)
        say(f"{line}; {chosen}" if chosen else line)
    met = [counted(result.outcome, result.findings) for result in report.results]
    code = exit_code(worst(met), met, fail_on)
    code = 1 if strict and report.stale else code
    return 0 if exit_zero else code


def split_policy(arguments: tuple[str, ...], policy: Path | None) -> tuple[Path | None, tuple[str, ...]]:
    """Part the policy that is named, if any is, from the references. Raises `UsageError` for one in another place."""
    if policy is None and arguments and is_policy(arguments[0]):
        policy, arguments = Path(arguments[0]), arguments[1:]
        refuse_policies(arguments, f"{policy} is the policy already")
    place = "it comes before the images, or behind -p" if policy is None else f"{policy} is the policy already"
    refuse_policies(arguments, place)
    return policy, arguments


def refuse_policies(arguments: Iterable[str], hint: str) -> None:
    """Raise `UsageError` with the hint for a policy file among names of images; `team/api.json` may be a repository."""
    from inspector.errors import UsageError

    found = (each for each in arguments if is_policy(each) and ("/" not in each or Path(each).is_file()))
    for argument in found:
        raise UsageError(f"{argument}: a policy file, where an image was expected; {hint}")


def _role_on_the_line(
    stated: Mapping[str, Any], path: Path | None, references: Sequence[str], given: dict[str, Any]
) -> Policy:
    """Make the policy of the role that options state, which every image is checked in. Raises `UsageError`."""
    from inspector.errors import UsageError

    other = f"the policy {path}" if path is not None else "--role" if given["role"] is not None else ""
    if other:
        raise UsageError(f"{told(stated)} can't be given together with {other}: options state a role of their own")
    if not references:
        raise UsageError(f"nothing to check: name an image behind {told(stated)}, or - for standard input")
    given["role"] = NAME
    return policy_of(stated)


def policy_named(path: Path | None) -> Policy:
    """Load the policy that is named, else the nearest. Raises `PolicyError` for none."""
    from inspector.errors import PolicyError

    policy = policy_here(path)
    if policy is not None:
        return policy
    raise PolicyError(
        "no policy: state a role, as in --torch cpu, name a .toml or .json file before the images, or write "
        "inspector.toml; `inspector show` needs none"
    )


def policy_here(path: Path | None) -> Policy | None:
    """Load the named policy, else the nearest one; None if no policy is found."""
    from inspector.policy.load import find_nearest, load_policy

    path = path or find_nearest(Path.cwd())
    return None if path is None else load_policy(path)
